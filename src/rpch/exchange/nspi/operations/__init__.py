"""What the operations of the address book do.  MS-OXNSPI 3.1.4.1"""

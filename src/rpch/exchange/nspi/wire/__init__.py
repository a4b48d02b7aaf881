"""The address book as it travels: interface, structures, rows.  MS-OXNSPI 2.2"""

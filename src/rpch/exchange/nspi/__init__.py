"""The address book.  MS-OXNSPI"""

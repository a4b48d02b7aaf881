"""The referral: which server keeps a user's address book.  MS-OXABREF"""

"""The address book in memory: its objects, containers and indexes.  MS-OXNSPI 3.1.1"""

"""The book to and from files that other programs write and read.

    records.py         one entry with everything that belongs to it, in no format
    csv_files.py       tables, one entry a line
    ldif.py            LDIF, as directory servers write it
    ldap_records.py    what an LDAP entry says, from LDIF or from a server
    vcards.py          vCard, as address books write it
    importing.py       records into a directory: new entries, changed ones, and their links
    exporting.py       a directory into records

Each format is read and written as a stream: a large file needs no more memory than a small one.
"""

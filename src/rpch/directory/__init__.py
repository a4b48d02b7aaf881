"""Who and what an organisation has: accounts, address book entries, groups and settings, in one database.

    tables.py, migrations/     what is stored, and how older databases become current ones
    database.py                the engine, its transactions, and its errors in our words
    vault.py, passwords.py     secrets at rest: the key file, NT hashes; Argon2id
    entries.py                 people, groups, contacts, rooms and containers, with their attributes
    account_store.py           accounts as an administrator sees them
    organisation.py            settings of the organisation and of single users
    database_accounts.py       the same accounts as an `AccountSource`
    database_counters.py       counts of wrong guesses that all processes of a farm share
    ldap_accounts.py           accounts of an LDAP server; `ldap_server.py` talks to it
    mirror/                    an LDAP server's people in the book; `mirrored_entries.py` protects them here
    winbind_accounts.py        accounts of a Windows domain, by winbind's helper

`docs/design/directory.md` says why it is like that.
"""

"""A directory that others keep, in the book: read from an LDAP server, and kept like it.

    kinds.py           what OpenLDAP and Active Directory call the same things
    settings.py        where the server is, and what of it is wanted
    ldap_tree.py       asks the server: its state, all entries, those that changed
    reading.py         what an entry says, made fit for the book
    records_in.py      records into the database: new entries, changed ones, those that went
    linking.py         members and managers by their names there, of entries that come and go
    mirror_store.py    what is known of the other directory: entries, stamps, state
    synchroniser.py    one round: finds what differs and stores it
    watching.py        round after round, whatever becomes of the server

The whole is synchronous and runs in a process of its own: the LDAP library makes a process wait while it
waits for the server.
"""

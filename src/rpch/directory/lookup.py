"""The one entry that a person means: by GUID, DN, mail address, alias or name."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from rpch.auth.names import fold
from rpch.directory.entries import Entries, Entry
from rpch.directory.sign_in_names import PEOPLE, entry_id_of, identity_written
from rpch.errors import ConfigError

MOST_SHOWN: Final = 5


def person_named(entries: Entries, name: str) -> Entry:
    """The entry of a person, by the name that is signed in with or by any other; `ConfigError` as below."""
    with entries.database.read() as connection:
        entry_id = entry_id_of(connection, identity_written(name))
    found = entry_meant(entries, name) if entry_id is None else entries.get(entry_id).get(entry_id)
    if found is None or found.kind not in PEOPLE:
        raise ConfigError("NAME", f"{name!r} is nobody who could sign in")
    return found


def entry_meant(entries: Entries, name: str) -> Entry:
    """The entry of a name; `ConfigError` when there is none, or several, which it names."""
    try:
        found = entries.by_guid(UUID(name))
    except ValueError:
        found = entries.by_dn(name)
    if found is not None:
        return found
    named = entries.named(name)
    exact = [each for each in named if fold(name) in (fold(each.mail or ""), fold(each.alias))]
    for some in (exact, named):
        if len(some) == 1:
            return some[0]
    if not named:
        raise ConfigError(
            "NAME", f"nobody is called {name!r}; give a name, an alias, a mail address or a GUID"
        )
    several = ", ".join(f"{each.display_name} <{each.mail or each.guid}>" for each in named[:MOST_SHOWN])
    more = " and others" if len(named) > MOST_SHOWN else ""
    raise ConfigError("NAME", f"{name!r} may be {several}{more}; give a mail address or a GUID")

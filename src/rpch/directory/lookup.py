"""The one entry that a person means: by GUID, DN, mail address, alias or name."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from rpch.auth.names import fold
from rpch.directory.entries import Entries, Entry
from rpch.errors import ConfigError

MOST_SHOWN: Final = 5


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

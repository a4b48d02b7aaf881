"""Whose entry it is that somebody has who signed in: the one way from an identity to the book.

Who has an account here has that account's entry. Others are proven by an LDAP server or a Windows domain, and
have the entry of that name in that domain: a mirror and an import are told the domain, so that a namesake
of another domain is somebody else. Without a domain nobody is found, and a name that several entries have
is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from rpch.auth.accounts import Identity
from rpch.auth.names import UserName, fold
from rpch.directory.entries import EntryKind
from rpch.directory.tables import ACCOUNTS, DOMAIN_ALIASES, NAME_SIZE, SIGN_IN_NAMES

PEOPLE: Final = frozenset({EntryKind.USER, EntryKind.ROOM, EntryKind.EQUIPMENT})
"""The kinds of entries that may sign in."""
_NO_DOMAIN: Final = ""
_BATCH: Final = 500

SignInName = tuple[str, str]
"""A folded name and its folded domain."""


def identity_written(name: str) -> Identity:
    """The identity that a text names, as one prints: `LAB\\alice`, or a user principal name."""
    parsed = UserName.parse(name)
    return Identity(parsed.user, parsed.domain, name if parsed.is_upn else "")


def entry_id_of(connection: Connection, identity: Identity) -> int | None:
    """The entry of somebody who has signed in; None where there is none, or it may be another's."""
    if identity.upn:
        return _only(connection, fold(identity.upn), _NO_DOMAIN)
    name, domain = fold(identity.name), fold(identity.domain)
    aliased = select(DOMAIN_ALIASES.c.domain_folded).where(DOMAIN_ALIASES.c.alias_folded == domain)
    domain = connection.execute(aliased).scalar() or domain
    mine = (ACCOUNTS.c.name_folded == name) & (ACCOUNTS.c.domain_folded == domain)
    account: int | None = connection.execute(select(ACCOUNTS.c.entry_id).where(mine)).scalar()
    if account is not None or domain == _NO_DOMAIN:
        return account
    return _only(connection, name, domain)


def sign_in_names(domain: str, names: Iterable[str], upns: Iterable[str] = ()) -> frozenset[SignInName]:
    """What is kept of somebody's names in a domain, and user principal names; nothing without a domain."""
    if not domain:
        return frozenset()
    found = {(fold(name), fold(domain)) for name in names} | {(fold(upn), _NO_DOMAIN) for upn in upns}
    return frozenset(each for each in found if each[0] and max(map(len, each)) <= NAME_SIZE)


def keep_sign_in_names(connection: Connection, names: Mapping[int, frozenset[SignInName]]) -> None:
    """Let these entries have these names, and no others."""
    before: dict[int, set[SignInName]] = {}
    columns, ids = SIGN_IN_NAMES.c, list(names)
    for start in range(0, len(ids), _BATCH):
        stored = select(SIGN_IN_NAMES).where(columns.entry_id.in_(ids[start : start + _BATCH]))
        for row in connection.execute(stored):
            before.setdefault(row.entry_id, set()).add((row.name_folded, row.domain_folded))
    differing = [entry_id for entry_id in ids if before.get(entry_id, set()) != names[entry_id]]
    gone = [entry_id for entry_id in differing if entry_id in before]
    for start in range(0, len(gone), _BATCH):
        connection.execute(delete(SIGN_IN_NAMES).where(columns.entry_id.in_(gone[start : start + _BATCH])))
    rows = [
        {"name_folded": name, "domain_folded": domain, "entry_id": entry_id}
        for entry_id in differing
        for name, domain in sorted(names[entry_id])
    ]
    if rows:
        connection.execute(insert(SIGN_IN_NAMES), rows)


def _only(connection: Connection, name: str, domain: str) -> int | None:
    columns = SIGN_IN_NAMES.c
    named = (columns.name_folded == name) & (columns.domain_folded == domain)
    found = connection.scalars(select(columns.entry_id).where(named).limit(2)).all()
    return found[0] if len(found) == 1 else None

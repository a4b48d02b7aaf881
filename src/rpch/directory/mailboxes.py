"""Which entry a user, an address or a DN means, and whose mailboxes somebody may open."""

from __future__ import annotations

from sqlalchemy import Connection, select

from rpch.auth.accounts import Identity
from rpch.auth.names import fold
from rpch.directory.entries import COLUMNS, Entry, NameKind, entry_of
from rpch.directory.links import DELEGATE, MEMBER
from rpch.directory.sign_in_names import entry_id_of
from rpch.directory.tables import ENTRIES, ENTRY_NAMES, LINKS, NAME_SIZE


def entry_of_user(connection: Connection, identity: Identity) -> Entry | None:
    """The entry of somebody who has authenticated."""
    entry_id = entry_id_of(connection, identity)
    if entry_id is None:
        return None
    row = connection.execute(select(*COLUMNS).where(ENTRIES.c.id == entry_id)).first()
    return entry_of(row) if row else None


def entry_of_address(connection: Connection, address: str) -> Entry | None:
    """The entry of a mail address, primary or other; an address that is several entries' is nobody's."""
    wanted = fold(address)
    if not wanted or len(wanted) > NAME_SIZE:
        return None
    if row := connection.execute(select(*COLUMNS).where(ENTRIES.c.mail_folded == wanted)).first():
        return entry_of(row)
    named = (ENTRY_NAMES.c.folded == wanted) & (ENTRY_NAMES.c.kind == NameKind.MAIL.value)
    ids = select(ENTRY_NAMES.c.entry_id).where(named)
    rows = connection.execute(select(*COLUMNS).where(ENTRIES.c.id.in_(ids)).limit(2)).all()
    return entry_of(rows[0]) if len(rows) == 1 else None


def entry_of_dn(connection: Connection, dn: str) -> Entry | None:
    """The entry of a DN, in any case."""
    row = connection.execute(select(*COLUMNS).where(ENTRIES.c.dn_folded == fold(dn))).first()
    return entry_of(row) if row else None


def may_open(connection: Connection, user_id: int, mailbox_id: int) -> bool:
    """Whether a mailbox is somebody's own, or has this user or one of its groups as a delegate."""
    if user_id == mailbox_id:
        return True
    is_member = LINKS.c.name == MEMBER
    direct = select(LINKS.c.source_id.label("id")).where(LINKS.c.target_id == user_id, is_member)
    groups = direct.cte("groups_of", recursive=True)
    outer = select(LINKS.c.source_id).join(groups, LINKS.c.target_id == groups.c.id).where(is_member)
    groups = groups.union(outer)
    delegated = select(LINKS.c.target_id).where(
        LINKS.c.source_id == mailbox_id,
        LINKS.c.name == DELEGATE,
        (LINKS.c.target_id == user_id) | LINKS.c.target_id.in_(select(groups.c.id)),
    )
    return connection.execute(delegated).first() is not None

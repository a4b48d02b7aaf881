"""Accounts as an administrator sees them: made, changed, listed, removed. Nothing here hands out a secret.

An account hangs on an entry of the book, which is made with it. The NT hash, which is as good as the
password, is kept only while NTLM is on for the account, and sealed for that account.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from rpch.auth.accounts import Identity
from rpch.auth.names import UserName, fold, has_controls
from rpch.auth.ntlm.proof import nt_hash
from rpch.directory.database import Database, parse_url
from rpch.directory.entries import (
    EntryKind,
    NewEntry,
    change_entry,
    get_entries,
    insert_entries,
    remove_entries,
    touch,
)
from rpch.directory.mirrored_entries import refuse_mirrored
from rpch.directory.passwords import Passwords, check_new_password
from rpch.directory.tables import ACCOUNTS, DIRECTORY_STATE, DOMAIN_ALIASES, ENTRIES, NAME_SIZE
from rpch.directory.upserts import insert_or
from rpch.directory.vault import DEFAULT_FILE, Vault, open_vault
from rpch.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Account:
    """What may be shown of an account. `entry_id` is its entry's, and its own."""

    entry_id: int
    identity: Identity
    display_name: str
    mail: str | None
    enabled: bool
    ntlm: bool
    created: float
    changed: float
    password_changed: float


_SHOWN: Final = (
    ACCOUNTS.c.entry_id,
    ACCOUNTS.c.name,
    ACCOUNTS.c.domain,
    ENTRIES.c.display_name,
    ENTRIES.c.mail,
    ENTRIES.c.guid,
    *(ACCOUNTS.c[name] for name in ("enabled", "ntlm", "created", "changed", "password_changed")),
)


class AccountStore:
    """The accounts of one database."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        passwords: Passwords,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._vault, self._passwords, self._clock = database, vault, passwords, clock

    def add(
        self,
        identity: Identity,
        password: str,
        *,
        display_name: str = "",
        mail: str | None = None,
        ntlm: bool = False,
    ) -> Account:
        """Make an account and its entry."""
        _check_name(identity)
        check_new_password(password)
        hashed, now = self._passwords.hash(password), self._clock()
        new = NewEntry(EntryKind.USER, display_name or identity.name, alias=identity.name, mail=mail)
        row = {"name": identity.name, "domain": identity.domain, "enabled": True, "ntlm": ntlm}
        row |= {"name_folded": fold(identity.name), "domain_folded": fold(identity.domain)}
        try:
            with self._database.write() as connection:
                (entry,) = insert_entries(connection, [new], now)
                row |= self._secrets(entry.guid, password, hashed, ntlm=ntlm, now=now)
                row |= {"entry_id": entry.id, "created": now}
                connection.execute(insert(ACCOUNTS), row)
                return _only(connection, ACCOUNTS.c.entry_id == entry.id)
        except IntegrityError as error:
            raise ConfigError("user", f"{identity} exists already") from error

    def get(self, name: str) -> Account:
        """The account of a name as its owner writes it; `ConfigError` when there is none, or several."""
        with self._database.read() as connection:
            return self._get(connection, name)

    def find(self, name: str) -> Account | None:
        """The same, None when there is none; `ConfigError` when there are several."""
        with self._database.read() as connection:
            return self._find(connection, name)

    def list(self) -> list[Account]:
        """All accounts, by domain and name."""
        order = (ACCOUNTS.c.domain_folded, ACCOUNTS.c.name_folded)
        with self._database.read() as connection:
            return [_account(row) for row in connection.execute(_accounts().order_by(*order))]

    def set_password(self, name: str, password: str, *, ntlm: bool | None = None) -> Account:
        """Give an account a new password, and turn NTLM on or off with it; None leaves that as it is."""
        check_new_password(password)
        hashed, now = self._passwords.hash(password), self._clock()
        with self._database.write() as connection:
            account = self._get(connection, name)
            wanted = account.ntlm if ntlm is None else ntlm
            guid = get_entries(connection, [account.entry_id])[account.entry_id].guid
            values = self._secrets(guid, password, hashed, ntlm=wanted, now=now) | {"ntlm": wanted}
            return self._update(connection, account, values, now)

    def set_enabled(self, name: str, *, enabled: bool) -> Account:
        """Let an account sign in, or not."""
        with self._database.write() as connection:
            return self._update(connection, self._get(connection, name), {"enabled": enabled}, self._clock())

    def forbid_ntlm(self, name: str) -> Account:
        """Turn NTLM off for an account; its NT hash is gone at once."""
        with self._database.write() as connection:
            values = {"ntlm": False, "nt_hash": None}
            return self._update(connection, self._get(connection, name), values, self._clock())

    def describe(self, name: str, *, display_name: str | None = None, mail: str | None = None) -> Account:
        """Change what others see of a user; None leaves it as it is, an empty mail address removes it."""
        with self._database.write() as connection:
            account, now = self._get(connection, name), self._clock()
            refuse_mirrored(connection, [account.entry_id])
            entry = get_entries(connection, [account.entry_id])[account.entry_id]
            entry = replace(entry, display_name=entry.display_name if display_name is None else display_name)
            entry = replace(entry, mail=entry.mail if mail is None else mail or None)
            change_entry(connection, entry, now)
            return self._update(connection, account, {}, now)

    def remove(self, name: str) -> Account:
        """Remove an account and its entry."""
        with self._database.write() as connection:
            account = self._get(connection, name)
            refuse_mirrored(connection, [account.entry_id])
            remove_entries(connection, [account.entry_id], self._clock())
            return account

    def add_domain_alias(self, alias: str, domain: str) -> None:
        """Let a domain be called by another name: `lab.example` for `LAB`."""
        values = {"alias": alias, "domain_folded": fold(domain)}
        with self._database.write() as connection:
            statement = insert_or(connection.dialect, DOMAIN_ALIASES).values(
                values | {"alias_folded": fold(alias)}
            )
            connection.execute(statement.on_conflict_do_update(index_elements=["alias_folded"], set_=values))

    def domain_aliases(self) -> Mapping[str, str]:
        """Which other names there are, folded, and for which folded domains."""
        with self._database.read() as connection:
            columns = select(DOMAIN_ALIASES.c.alias_folded, DOMAIN_ALIASES.c.domain_folded)
            return {row.alias_folded: row.domain_folded for row in connection.execute(columns)}

    def remove_domain_alias(self, alias: str) -> None:
        """Forget another name of a domain."""
        with self._database.write() as connection:
            here = DOMAIN_ALIASES.c.alias_folded == fold(alias)
            connection.execute(delete(DOMAIN_ALIASES).where(here))

    def _get(self, connection: Connection, name: str) -> Account:
        found = self._find(connection, name)
        if found is None:
            raise ConfigError("user", f"there is no account {name!r}")
        return found

    def _find(self, connection: Connection, name: str) -> Account | None:
        parsed = UserName.parse(name)
        matches = ACCOUNTS.c.name_folded == fold(parsed.user)
        rows = [_account(row) for row in connection.execute(_accounts().where(matches))]
        if parsed.domain:
            domain = fold(parsed.domain)
            aliased = select(DOMAIN_ALIASES.c.domain_folded).where(DOMAIN_ALIASES.c.alias_folded == domain)
            domain = connection.execute(aliased).scalar() or domain
            rows = [account for account in rows if fold(account.identity.domain) == domain]
        if not rows and parsed.is_upn:
            by_mail = _accounts().where(ENTRIES.c.mail_folded == fold(name))
            rows = [_account(row) for row in connection.execute(by_mail)]
        if len(rows) > 1:
            several = ", ".join(str(account.identity) for account in rows)
            raise ConfigError("user", f"{name!r} may be {several}; name the domain")
        return rows[0] if rows else None

    def _secrets(self, guid: UUID, password: str, hashed: str, *, ntlm: bool, now: float) -> dict[str, Any]:
        """What is kept of a password."""
        sealed = self._vault.seal(nt_hash(password), guid.bytes) if ntlm else None
        return {"password_hash": hashed, "nt_hash": sealed, "password_changed": now, "changed": now}

    def _update(
        self, connection: Connection, account: Account, values: Mapping[str, Any], now: float
    ) -> Account:
        mine = ACCOUNTS.c.entry_id == account.entry_id
        connection.execute(update(ACCOUNTS).where(mine).values({**values, "changed": now}))
        touch(connection, [account.entry_id], now)
        return _only(connection, mine)


def vault_of(database: Database, key_file: Path, *, setting: str = "key-file") -> Vault:
    """The keys of a database. A database without secrets gets a new file; else it must be the right one."""
    with database.read() as connection:
        check = connection.execute(select(DIRECTORY_STATE.c.key_check)).scalar()
    vault = open_vault(key_file, create=check is None, setting=setting)
    if check is None:
        with database.write() as connection:
            unset = DIRECTORY_STATE.c.key_check.is_(None)
            connection.execute(update(DIRECTORY_STATE).where(unset).values(key_check=vault.check))
            check = connection.execute(select(DIRECTORY_STATE.c.key_check)).scalar_one()
    if not vault.fits(check):
        problem = f"{key_file} is not the key of {database.name}; copy the one that belongs to it"
        raise ConfigError(setting, problem)
    return vault


def default_key_file(url: str, *, setting: str = "database") -> Path:
    """Where the key is when nobody says: beside a file of SQLite's, else in the current folder."""
    parsed = parse_url(url, setting=setting)
    folder = Path(parsed.database).parent if parsed.drivername == "sqlite" and parsed.database else Path()
    return folder / DEFAULT_FILE


def _check_name(identity: Identity) -> None:
    name, domain = identity.name, identity.domain
    if not name or max(len(name), len(domain)) > NAME_SIZE:
        raise ConfigError("user", rf"write DOMAIN\name, each of at most {NAME_SIZE} characters")
    if has_controls(name + domain) or "\\" in name + domain or ":" in name + domain or "@" in domain:
        raise ConfigError("user", "a name or domain holds characters that cannot be sent")


def _accounts() -> Select[Any]:
    return select(*_SHOWN).join(ENTRIES, ENTRIES.c.id == ACCOUNTS.c.entry_id)


def _only(connection: Connection, condition: Any) -> Account:
    return _account(connection.execute(_accounts().where(condition)).one())


def _account(row: Row[Any]) -> Account:
    return Account(
        entry_id=row.entry_id,
        identity=Identity(row.name, row.domain),
        display_name=row.display_name,
        mail=row.mail,
        enabled=row.enabled,
        ntlm=row.ntlm,
        created=row.created,
        changed=row.changed,
        password_changed=row.password_changed,
    )

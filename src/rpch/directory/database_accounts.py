"""The accounts of a database, as whoever authenticates asks for them.

Known, unknown and disabled users cost the same: the same three statements, one opening of a sealed value,
and one Argon2id or the same number of HMACs. A disabled account is refused after that, and only whoever
knows its password is refused by that rule; to everybody else it looks like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select, union, update

from rpch.auth.accounts import Identity, NtlmProof, Standing
from rpch.auth.names import UserName, fold, has_controls
from rpch.auth.ntlm.proof import NO_HASH, NtlmClaim, session_base_key
from rpch.auth.outcomes import AuthRule
from rpch.directory.database import Database
from rpch.directory.database_counters import DatabaseCounters
from rpch.directory.passwords import Passwords
from rpch.directory.tables import ACCOUNTS, DOMAIN_ALIASES, ENTRIES, NAME_SIZE
from rpch.directory.vault import CannotOpen, Vault
from rpch.errors import AccessDenied

log = structlog.get_logger("rpch.directory")

_NOBODY: Final = bytes(16)  # the owner of what is opened for users that do not exist
_NOWHERE: Final = ("", ".")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Credentials:
    """What an account signs in with."""

    entry_id: int
    owner: bytes
    identity: Identity
    enabled: bool
    password_hash: str = field(repr=False)
    nt_hash: bytes | None = field(repr=False)


def _accounts_where(condition: ColumnElement[bool]) -> Select[Any]:
    wanted = (
        "entry_id",
        "name",
        "domain",
        "domain_folded",
        "name_folded",
        "enabled",
        "password_hash",
        "nt_hash",
    )
    joined = ENTRIES.join(ACCOUNTS, ACCOUNTS.c.entry_id == ENTRIES.c.id)
    columns = [*(ACCOUNTS.c[name] for name in wanted), ENTRIES.c.guid, ENTRIES.c.mail_folded]
    return select(*columns).select_from(joined).where(condition)


# Built once, since building a statement takes longer than running it.
_ALIASED: Final = select(DOMAIN_ALIASES.c.domain_folded).where(
    DOMAIN_ALIASES.c.alias_folded == bindparam("alias")
)
_ENABLED: Final = select(ACCOUNTS.c.enabled).where(
    (ACCOUNTS.c.domain_folded == bindparam("domain")) & (ACCOUNTS.c.name_folded == bindparam("user"))
)
_ENDS: Final = select(
    select(func.min(ACCOUNTS.c.domain_folded)).scalar_subquery(),
    select(func.max(ACCOUNTS.c.domain_folded)).scalar_subquery(),
)
# Whoever has this name in any domain, or this mail address.
_CANDIDATES: Final = union(
    _accounts_where(ACCOUNTS.c.name_folded == bindparam("user")),
    _accounts_where(ENTRIES.c.mail_folded == bindparam("mail")),
)


class DatabaseAccounts:
    """An `AccountSource` over a database."""

    def __init__(
        self, database: Database, vault: Vault, passwords: Passwords, *, foreign_domains: bool | None = None
    ) -> None:
        """`foreign_domains` says whether a user of an unknown domain is looked up by name alone; by default
        that is so while all accounts are of one domain.
        """
        self.database, self._vault, self._passwords = database, vault, passwords
        self._foreign_domains = foreign_domains
        self.counters = DatabaseCounters(database, vault)
        self._nobodys = vault.seal(NO_HASH, _NOBODY)

    def domain(self) -> str:
        """The domain of all accounts, as the first of them spells it; nothing when there are several."""
        with self.database.read() as connection:
            if len(_some_domains(connection)) != 1:
                return ""
            return connection.execute(select(ACCOUNTS.c.domain).limit(1)).scalar() or ""

    def close(self) -> None:
        """Give back threads and connections."""
        self._passwords.close()
        self.database.close()

    def __repr__(self) -> str:
        return f"<DatabaseAccounts {self.database.name}>"

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is; `AccessDenied` when its account is disabled."""
        found = await self.database.run(self._find, UserName.parse(name), name)
        kept = found.password_hash if found else None
        if not await self._passwords.verified(kept, password) or found is None:
            return None
        _check_enabled(found)
        if self._passwords.is_outdated(found.password_hash):
            await self._renew(found, password)
        return found.identity

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Who proved this; `AccessDenied` when that account is disabled.  MS-NLMP 3.3.2"""
        name = UserName(claim.user, claim.domain) if claim.domain else UserName.parse(claim.user)
        found = await self.database.run(self._find, name, claim.user)
        key = session_base_key(self._open(found), claim)
        if found is None or key is None:
            return None
        _check_enabled(found)
        return NtlmProof(found.identity, key)

    async def standing(self, identity: Identity) -> Standing:
        """Whether this very account is there and enabled."""
        enabled = await self.database.run(self._is_enabled, identity)
        if enabled is None:
            return Standing.UNKNOWN
        return Standing.GOOD if enabled else Standing.DISABLED

    def _is_enabled(self, identity: Identity) -> bool | None:
        name, domain = _storable(identity.name), _storable(identity.domain)
        with self.database.read() as connection:
            enabled: bool | None = connection.execute(_ENABLED, {"domain": domain, "user": name}).scalar()
        return enabled

    def _find(self, name: UserName, as_sent: str) -> _Credentials | None:
        """The account a name stands for; a name that may be two people's is nobody's."""
        domain, user, mail = (_storable(text) for text in (name.domain, name.user, as_sent))
        with self.database.read() as connection:
            domain = _domain_of(connection, domain)
            domains = _some_domains(connection)
            rows = connection.execute(_CANDIDATES, {"user": user, "mail": mail}).all()
        namesakes = [row for row in rows if row.name_folded == user]
        exact = [row for row in namesakes if row.domain_folded == domain]
        by_mail = [row for row in rows if row.mail_folded == mail] if name.is_upn else []
        foreign = len(domains) == 1 if self._foreign_domains is None else self._foreign_domains
        others = namesakes if domain in _NOWHERE or foreign else []
        for found in (exact, by_mail, others):
            if found:
                return _credentials(found[0]) if len(found) == 1 else None
        return None

    def _open(self, found: _Credentials | None) -> bytes | None:
        """The account's NT hash. Something is opened whether there is one or not."""
        if found is None or found.nt_hash is None:
            self._vault.open(self._nobodys, _NOBODY)
            return None
        try:
            return self._vault.open(found.nt_hash, found.owner)
        except CannotOpen as error:
            log.error(
                "an NT hash cannot be opened; set the password anew", user=str(found.identity), why=str(error)
            )
            return None

    async def _renew(self, found: _Credentials, password: str) -> None:
        """Hash a right password at the present cost, unless it was changed meanwhile."""
        hashed = await self._passwords.hashed(password)
        await self.database.run(self._store_hash, found, hashed)

    def _store_hash(self, found: _Credentials, hashed: str) -> None:
        unchanged = (ACCOUNTS.c.entry_id == found.entry_id) & (
            ACCOUNTS.c.password_hash == found.password_hash
        )
        with self.database.write() as connection:
            connection.execute(update(ACCOUNTS).where(unchanged).values(password_hash=hashed))


def _check_enabled(found: _Credentials) -> None:
    if not found.enabled:
        raise AccessDenied(AuthRule.ACCOUNT_DISABLED, f"user {str(found.identity)!r}")


def _domain_of(connection: Connection, domain: str) -> str:
    """The folded domain that a folded name of a domain stands for."""
    aliased: str | None = connection.execute(_ALIASED, {"alias": domain}).scalar()
    return domain if aliased is None else aliased


def _some_domains(connection: Connection) -> set[str]:
    """The first and the last domain: one when all accounts are of one domain."""
    return {domain for domain in connection.execute(_ENDS).one() if domain is not None}


def _credentials(row: Row[Any]) -> _Credentials:
    return _Credentials(
        row.entry_id,
        row.guid.bytes,
        Identity(row.name, row.domain),
        row.enabled,
        row.password_hash,
        row.nt_hash,
    )


def _storable(text: str) -> str:
    """A name folded for a look-up; nobody's name, where it holds what no stored name does."""
    folded = fold(text)
    fits = len(folded) <= NAME_SIZE and not has_controls(folded) and not _SURROGATES.search(folded)
    return folded if fits else "\ufffd"

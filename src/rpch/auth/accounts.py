"""Whose password is right: the seam behind which accounts live, and a table of them in memory.

A source is asked to verify and never to hand out: neither passwords nor NT hashes leave it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol, runtime_checkable

from rpch.auth.names import UserName, fold, has_controls
from rpch.auth.ntlm.proof import NtlmClaim, nt_hash, session_base_key
from rpch.errors import ConfigError

# Compared when there is no such account, so that the work is the same.
_NO_DIGEST: Final = bytes(hashlib.sha256().digest_size)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody proved to be, in the account's own spelling; prints as `LAB\\alice`.

    `upn` is the user principal name that was proven, where the source does not say whose it is: in a Windows
    domain `a.adams@lab.example` need not be `LAB\\a.adams`. It tells no identities apart.
    """

    name: str
    domain: str = ""
    upn: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.domain}\\{self.name}" if self.domain else self.name

    @property
    def is_nobody(self) -> bool:
        """Whether it stands for those who want to be nobody in particular."""
        return not self.name


NOBODY: Final = Identity("")


@dataclass(frozen=True, slots=True)
class NtlmProof:
    """A claim that held: whose it was, and the key both ends now share.  MS-NLMP 3.3.2"""

    identity: Identity
    session_base_key: bytes = field(repr=False)


class AccountSource(Protocol):
    """Where accounts are. Unknown users must cost what wrong passwords cost."""

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is, None when it is nobody's; `name` as the client wrote it."""

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Who proved this, None when it proves nothing.  MS-NLMP 3.3.2"""


class Standing(Enum):
    """Whether an account may be used by somebody who has proven to be its owner in another way."""

    GOOD = auto()
    DISABLED = auto()
    LOCKED = auto()
    UNKNOWN = auto()


@runtime_checkable
class AccountRegister(Protocol):
    """A source that can say what became of an account without seeing a password."""

    async def standing(self, identity: Identity) -> Standing:
        """Whether this account is there and may be used."""


@dataclass(frozen=True, slots=True)
class _Account:
    identity: Identity
    digest: bytes = field(repr=False)
    nt_hash: bytes | None = field(repr=False)


class MemoryAccounts:
    """Accounts of one process. Of a password it keeps a keyed digest, and the NT hash if NTLM is on."""

    def __init__(
        self,
        passwords: Mapping[Identity, str],
        *,
        aliases: Mapping[str, str] | None = None,
        ntlm: bool = True,
        foreign_domains: bool | None = None,
    ) -> None:
        """`aliases` are other names of domains (`lab.example` for `LAB`).

        `foreign_domains` says whether a user of an unknown domain is looked up by name alone; by default
        that is so while all accounts are of one domain.
        """
        self._key = os.urandom(32)
        self._aliases = {fold(alias): fold(domain) for alias, domain in (aliases or {}).items()}
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._by_name: dict[str, list[_Account]] = {}
        for identity, password in passwords.items():
            self._add(identity, password, ntlm=ntlm)
        domains = {domain for domain, _ in self._accounts}
        self._foreign_domains = len(domains) == 1 if foreign_domains is None else foreign_domains

    @classmethod
    def from_options(cls, options: Iterable[str], *, setting: str = "--user") -> MemoryAccounts:
        """Accounts as the command line gives them: `LAB\\alice:password`."""
        passwords: dict[Identity, str] = {}
        for option in options:
            identity, password = parse_user_option(option, setting=setting)
            if identity in passwords:
                raise ConfigError(setting, f"{identity} is given twice; give each user once")
            passwords[identity] = password
        return cls(passwords)

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is; the same work is done for users that do not exist."""
        account = self._find(UserName.parse(name))
        digest = self._digest(account.identity if account else Identity(name), password)
        matches = hmac.compare_digest(digest, account.digest if account else _NO_DIGEST)
        return account.identity if account and matches else None

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Who proved this; the same work is done for users that do not exist.  MS-NLMP 3.3.2"""
        name = UserName(claim.user, claim.domain) if claim.domain else UserName.parse(claim.user)
        account = self._find(name)
        key = session_base_key(account.nt_hash if account else None, claim)
        return NtlmProof(account.identity, key) if account and key is not None else None

    async def standing(self, identity: Identity) -> Standing:
        """Whether there is such an account. A table without any has nothing to say against anybody."""
        known = not self._accounts or (fold(identity.domain), fold(identity.name)) in self._accounts
        return Standing.GOOD if known else Standing.UNKNOWN

    def _add(self, identity: Identity, password: str, *, ntlm: bool) -> None:
        hashed = nt_hash(password) if ntlm else None
        account = _Account(identity, self._digest(identity, password), hashed)
        key = (fold(identity.domain), fold(identity.name))
        if key in self._accounts:
            raise ConfigError("accounts", f"{identity} and {self._accounts[key].identity} are one name")
        self._accounts[key] = account
        self._by_name.setdefault(key[1], []).append(account)

    def _find(self, name: UserName) -> _Account | None:
        """The account a name stands for; a name that may be two people's is nobody's."""
        domain, user = fold(name.domain), fold(name.user)
        domain = self._aliases.get(domain, domain)
        if account := self._accounts.get((domain, user)):
            return account
        if domain in ("", ".") or self._foreign_domains:
            namesakes = self._by_name.get(user, [])
            return namesakes[0] if len(namesakes) == 1 else None
        return None

    def _digest(self, identity: Identity, password: str) -> bytes:
        message = f"{identity}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, "sha256")


def parse_user_option(option: str, *, setting: str = "--user") -> tuple[Identity, str]:
    """One `LAB\\alice:password`, cut into who and password; the message of an error never holds either."""
    name, colon, password = option.partition(":")
    parsed = UserName.parse(name)
    if not colon:
        raise ConfigError(setting, r"there is no password; write 'DOMAIN\name:password'")
    if not parsed.user or ("\\" in name and not parsed.domain):
        raise ConfigError(setting, r"there is no user name; write 'DOMAIN\name:password'")
    if not password:
        raise ConfigError(setting, f"{parsed} has an empty password; write 'DOMAIN\\name:password'")
    if has_controls(option) or "\\" in parsed.user:
        raise ConfigError(setting, "a name or password holds characters that cannot be sent")
    return Identity(parsed.user, parsed.domain), password

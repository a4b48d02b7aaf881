"""Accounts of an LDAP server: OpenLDAP's, Active Directory's, anybody's who lets users bind.

A password is proven by binding with it, so no secret is kept here, and NTLM, which needs the NT hash,
cannot be offered. Users that do not exist cost the same two questions: a bind is tried for them, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from string import Formatter
from typing import Final

from rpch.auth.accounts import Identity, NtlmProof, Standing
from rpch.auth.names import UserName, fold, has_controls
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.outcomes import AuthRule
from rpch.directory.ldap_server import LdapDirectory
from rpch.errors import AccessDenied, ConfigError

OPENLDAP: Final = "(|(uid={user})(mail={name}))"
ACTIVE_DIRECTORY: Final = "(|(sAMAccountName={user})(userPrincipalName={name}))"

# How servers say that an account may not be used.  MS-ADTS 2.2.16, draft-behera-ldap-password-policy 5.3.3
_CONTROL: Final = "userAccountControl"
_COMPUTED_CONTROL: Final = "msDS-User-Account-Control-Computed"
_POLICY_LOCKED: Final = "pwdAccountLockedTime"
_NS_LOCK: Final = "nsAccountLock"
_ABOUT: Final = (_CONTROL, _COMPUTED_CONTROL, _POLICY_LOCKED, _NS_LOCK)
_ACCOUNT_DISABLE: Final = 0x2
_LOCKOUT: Final = 0x10


class LdapAccounts:
    """An `AccountSource` over an LDAP server."""

    def __init__(
        self,
        server: LdapDirectory,
        base: str,
        *,
        query: str = OPENLDAP,
        name_attribute: str = "uid",
        domain: str = "",
        aliases: Iterable[str] = (),
        foreign_domains: bool = True,
    ) -> None:
        """`query` finds a user: `{user}` is the name without its domain, `{name}` the name as it was typed.

        Everybody here is of `domain`, which may be written as any of the `aliases`; `foreign_domains` takes
        any other domain for it as well.
        """
        _check_query(query)
        self._server, self._base, self._query = server, base, query
        self._name_attribute, self.domain = name_attribute, domain
        self._domains = {"", ".", fold(domain), *map(fold, aliases)}
        self._foreign_domains = foreign_domains

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is, by binding with it."""
        if not password or has_controls(name):
            return None  # nobody's, and known to everybody: an empty password would make an anonymous bind
        parsed = UserName.parse(name)
        query = self._query.format(user=escape(parsed.user), name=escape(name))
        found = await self._server.search(self._base, query, [self._name_attribute])
        is_ours = self._foreign_domains or fold(parsed.domain) in self._domains
        account = found[0] if len(found) == 1 and is_ours and parsed.user else None
        nobodys = f"{self._name_attribute}={secrets.token_hex(8)},{self._base}"
        proven = await self._server.proves(nobodys if account is None else account.dn, password)
        if account is None or not proven:
            return None
        own = account.first(self._name_attribute)
        # Without a name of its own it may be called like somebody else.
        return Identity(own or parsed.user, self.domain, "" if own else name)

    async def standing(self, identity: Identity) -> Standing:
        """What the server says about an account: whether it is there, disabled, or locked."""
        query = self._query.format(user=escape(identity.name), name=escape(identity.name))
        found = await self._server.search(self._base, query, [self._name_attribute, *_ABOUT])
        is_ours = fold(identity.domain) in self._domains
        if len(found) != 1 or not is_ours or has_controls(identity.name):
            return Standing.UNKNOWN
        account = found[0]
        control, computed = (_number(account.first(name)) for name in (_CONTROL, _COMPUTED_CONTROL))
        if control & _ACCOUNT_DISABLE or account.first(_NS_LOCK).lower() == "true":
            return Standing.DISABLED
        if computed & _LOCKOUT or account.first(_POLICY_LOCKED):
            return Standing.LOCKED
        return Standing.GOOD

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Nothing proves NTLM here: it takes the NT hash, which no LDAP server hands out."""
        detail = "accounts of an LDAP server cannot sign in with NTLM"
        raise AccessDenied(AuthRule.NTLM_UNAVAILABLE, detail)


def escape(text: str) -> str:
    """A text as a value in a filter, where it means nothing but itself.  RFC 4515 3"""
    return "".join(f"\\{ord(char):02x}" if char in "\\*()\0" else char for char in text)


def _number(text: str) -> int:
    return int(text) if text.removeprefix("-").isdecimal() else 0


def _check_query(query: str) -> None:
    try:
        fields = {name for _, name, _, _ in Formatter().parse(query) if name is not None}
    except ValueError:
        fields = {query}
    if not fields or not fields <= {"user", "name"} or not query.startswith("("):
        raise ConfigError("ldap.query", f"{query!r} is no filter with {{user}} or {{name}} in it")

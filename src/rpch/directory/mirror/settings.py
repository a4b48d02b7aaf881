"""Where the other directory is, and what of it is wanted: the settings of a mirror, from TOML or arguments.

url = "ldaps://ldap.lab.example"
base = "dc=lab,dc=example"
kind = "openldap"                  # or "ad"
bind-dn = "cn=rpch,dc=lab,dc=example"
bind-password-file = "/etc/rpch/ldap-password"
domain = "LAB"                     # as whose people they sign in

[attributes]                       # theirs = "ours"; an empty name: not read
employeeNumber = "extensionAttribute1"
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from rpch.directory.ldap_server import LdapServer, password_from
from rpch.directory.mirror.kinds import DIALECTS, Dialect, ServerKind
from rpch.errors import ConfigError


class MirrorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """An LDAP server whose people are in the book. Times in seconds, sizes in bytes."""

    url: str
    base: str
    kind: ServerKind = ServerKind.OPENLDAP
    start_tls: bool = False
    ca_file: Path | None = None
    bind_dn: str = ""
    bind_password_file: Path | None = None
    query: str = ""  # of the kind, where it is empty
    attributes: dict[str, str] = {}
    domain: str = ""  # of the accounts that they sign in with; without it they are in the book and no more
    name_attribute: str = ""  # of the kind, where it is empty
    interval: float = 2.0
    list_every: float = 3600.0  # compare all entries at least so often, whatever the server says
    timeout: float = 30.0
    page_size: int = 200
    largest_binary: int = 1 << 20
    most_removed: float = 0.5  # of all entries in one round; more is taken for a mistake

    @property
    def dialect(self) -> Dialect:
        """How this kind of server says things."""
        return DIALECTS[self.kind]

    @property
    def filter(self) -> str:
        """Who is looked for."""
        return self.query or self.dialect.query

    @property
    def name(self) -> str:
        """The attribute by which people sign in."""
        return self.name_attribute or self.dialect.name

    @property
    def named_attributes(self) -> list[str]:
        """The attributes that are wanted because they are named here."""
        return [*self.attributes, self.name]

    @property
    def signs_in(self) -> str:
        """By what people are known when they sign in: other words than before, and all are read anew."""
        return f"{self.domain} {self.name}" if self.domain else ""

    @property
    def source(self) -> str:
        """What the directory is called where people read it."""
        return f"{self.url.rstrip('/')}/{self.base}"

    def server(self, *, setting: str = "ldap") -> LdapServer:
        """The server; `ConfigError` where it cannot be used."""
        self._check(setting)
        server = LdapServer(
            self.url,
            start_tls=self.start_tls,
            ca_file=self.ca_file,
            bind_dn=self.bind_dn,
            bind_password=password_from(self.bind_password_file, setting=f"{setting}.bind-password-file"),
            timeout=self.timeout,
        )
        server.check(setting=setting)
        return server

    def _check(self, setting: str) -> None:
        if not self.filter.startswith("(") or not self.filter.endswith(")"):
            raise ConfigError(f"{setting}.query", f"{self.query!r} is no filter; write (objectClass=person)")
        for name in ("interval", "list_every", "timeout", "page_size"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{setting}.{name.replace('_', '-')}", "must be more than 0")
        if not 0 < self.most_removed <= 1:
            raise ConfigError(f"{setting}.most-removed", "is a share: more than 0, and at most 1")

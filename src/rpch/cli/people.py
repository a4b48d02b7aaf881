"""Whom a command of `rpch users` is about: an account, or an entry whose owner signs in elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rpch.directory.account_store import Account
from rpch.directory.entries import Entry
from rpch.directory.lookup import person_named
from rpch.directory.opening import Directory
from rpch.errors import ConfigError
from rpch.exchange.switches import Change


@dataclass(frozen=True, slots=True)
class Person:
    """An entry that may have switches, and the account that hangs on it, if it is one of ours."""

    found: Account | Entry

    @property
    def entry_id(self) -> int:
        """Its number in the book."""
        return self.found.entry_id if isinstance(self.found, Account) else self.found.id

    @property
    def name(self) -> str:
        """How it is called in what we say."""
        if isinstance(self.found, Account):
            return str(self.found.identity)
        return self.found.mail or self.found.display_name

    @property
    def facts(self) -> dict[str, Any]:
        """What may be shown of it."""
        if isinstance(self.found, Account):
            return facts_of(self.found)
        shown = {"display_name": self.found.display_name, "mail": self.found.mail}
        return {"user": self.name, "id": self.found.id, **shown}

    def changes(self, display_name: str | None, mail: str | None, *, no_ntlm: bool) -> list[Change]:
        """What would become of it."""
        ntlm = isinstance(self.found, Account) and self.found.ntlm
        now = (self.found.display_name, self.found.mail or "")
        wanted = (
            ("display-name", now[0], now[0] if display_name is None else display_name),
            ("mail", now[1], now[1] if mail is None else mail),
            ("ntlm", ntlm, ntlm and not no_ntlm),
        )
        return [Change(name, before, after) for name, before, after in wanted if before != after]

    def changed(
        self, directory: Directory, display_name: str | None, mail: str | None, *, no_ntlm: bool
    ) -> Person:
        """Make it so. What is kept elsewhere is changed there, and refused here."""
        if isinstance(self.found, Account):
            name = str(self.found.identity)
            account = directory.store.describe(name, display_name=display_name, mail=mail)
            return Person(directory.store.forbid_ntlm(name) if no_ntlm else account)
        if no_ntlm:
            raise ConfigError("--no-ntlm", f"{self.name} signs in elsewhere, and has no account here")
        wanted = self.found
        if display_name is not None:
            wanted = replace(wanted, display_name=display_name)
        if mail is not None:
            wanted = replace(wanted, mail=mail or None)
        return self if wanted == self.found else Person(directory.entries.change(wanted))


def person_meant(directory: Directory, name: str) -> Person:
    """Whose account it is; else whose entry, by the name that they sign in with, or by another."""
    account = directory.store.find(name)
    return Person(account or person_named(directory.entries, name))


def facts_of(account: Account) -> dict[str, Any]:
    """What may be shown of an account."""
    return {
        "user": str(account.identity),
        "id": account.entry_id,
        "display_name": account.display_name,
        "mail": account.mail,
        "enabled": account.enabled,
        "ntlm": account.ntlm,
        "created": _moment(account.created),
        "password_changed": _moment(account.password_changed),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

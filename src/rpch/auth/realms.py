"""The realms of Kerberos that this machine's settings know, read without asking anybody.  krb5.conf(5)

The library looks for the realm of whatever name it is given, in the DNS if need be, and waits for it. Whether
that is worth while only the settings tell: a machine in a realm names it there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VARIABLE: Final = "KRB5_CONFIG"
USUAL_FILE: Final = "/etc/krb5.conf"
_DEEPEST: Final = 8  # files that include files
_SECTION: Final = re.compile(r"\[([^\]]+)\]\*?$")
_INCLUDED: Final = re.compile(r"[A-Za-z0-9_-]+|(?!\.).*\.conf")  # what `includedir` takes of a folder


@dataclass(frozen=True, slots=True)
class Realms:
    """The realm of names that say none, and all realms that are named."""

    default: str | None = None
    known: frozenset[str] = frozenset()

    @classmethod
    def of_machine(cls, environment: Mapping[str, str] | None = None) -> Realms:
        """What the settings of this machine say; files that cannot be read say nothing."""
        environment = os.environ if environment is None else environment
        found = _Found()
        for name in environment.get(VARIABLE, USUAL_FILE).split(os.pathsep):
            found.read(Path(name))
        return cls(found.default, frozenset(found.known))

    def principal(self, user: str) -> str | None:
        r"""`alice@REALM` for a user of a realm that is known here; None for everybody else.

        `alice` is of the default realm. In `alice@example.com` and `EXAMPLE\alice` the domain may be written
        in any case, and in front of a backslash it may be the first part of the realm's name.
        """
        domain, backslash, name = user.rpartition("\\")
        if not backslash:
            name, _, domain = user.partition("@")
        realm = self._realm(domain, short=bool(backslash)) if domain else self.default
        return f"{name}@{realm}" if name and realm else None

    def _realm(self, domain: str, *, short: bool) -> str | None:
        wanted = domain.lower()
        for realm in sorted(self.known | ({self.default} if self.default else set())):
            whole = realm.lower()
            if wanted == whole or (short and wanted == whole.partition(".")[0]):
                return realm
        return None


class _Found:
    """What one file after another says. The first value of a setting holds, as with the library."""

    def __init__(self) -> None:
        self.default: str | None = None
        self.known: set[str] = set()

    def read(self, file: Path, depth: int = 0) -> None:
        """One file and those that it includes."""
        section, inside = "", 0
        for line in _lines(file):
            keyword, *rest = line.split(maxsplit=1)
            if keyword in ("include", "includedir") and rest:
                self._include(Path(rest[0]), depth)
            elif found := _SECTION.match(line):
                section, inside = found[1], 0
            elif line.startswith("}"):
                inside = max(0, inside - 1)
            else:
                name, _, value = (part.strip() for part in line.partition("="))
                if not inside:
                    self._take(section, name, value)
                inside += value == "{"

    def _include(self, place: Path, depth: int) -> None:
        if depth == _DEEPEST:
            return
        names = sorted(place.iterdir()) if place.is_dir() and os.access(place, os.R_OK) else [place]
        for name in names:
            if name is place or _INCLUDED.fullmatch(name.name):
                self.read(name, depth + 1)

    def _take(self, section: str, name: str, value: str) -> None:
        if section == "realms" and value:
            self.known.add(name)
        elif (section, name) == ("libdefaults", "default_realm") and self.default is None:
            self.default = value or None


def _lines(file: Path) -> Iterator[str]:
    """The lines that say something."""
    try:
        text = file.read_text("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            yield stripped

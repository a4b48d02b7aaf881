"""User names as people and programs write them.

The same person arrives as `LAB\\alice`, `alice@lab.example`, `alice` or `.\\alice`, in any case. What was
sent goes into proofs unchanged; only the look-up folds it.  MS-NLMP 3.3.2
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# The last character of the plane in which one character is one UTF-16 unit.
_LAST_OF_BMP = "\uffff"


def simple_upper(text: str) -> str:
    """Upper case, one UTF-16 unit for one, as Windows does: `ß` stays `ß`.  MS-NLMP 3.3.2"""
    if text.isascii():
        return text.upper()
    return "".join(_simple_upper(char) for char in text)


def _simple_upper(char: str) -> str:
    upper = char.upper()
    return upper if len(upper) == 1 and char <= _LAST_OF_BMP and upper <= _LAST_OF_BMP else char


def fold(name: str) -> str:
    """The form under which names are looked up; never the form that is hashed."""
    return simple_upper(unicodedata.normalize("NFC", name))


def has_controls(text: str) -> bool:
    """Whether a text holds control characters, which no name and no password has.  RFC 7617 2"""
    return not text.isprintable() and any(unicodedata.category(char) == "Cc" for char in text)


@dataclass(frozen=True, slots=True)
class UserName:
    """A user name cut into its parts; the domain is empty when none was named.

    `is_upn` tells `user@domain` from `DOMAIN\\user`.
    """

    user: str
    domain: str = ""
    is_upn: bool = False

    @classmethod
    def parse(cls, text: str) -> UserName:
        """Cut `DOMAIN\\user`, `user@domain` or `user` into its parts."""
        domain, backslash, user = text.partition("\\")
        if backslash:
            return cls(user, domain)
        user, at, domain = text.rpartition("@")
        if at:
            return cls(user, domain, is_upn=True)
        return cls(text)

    def __str__(self) -> str:
        if self.is_upn:
            return f"{self.user}@{self.domain}"
        return f"{self.domain}\\{self.user}" if self.domain else self.user

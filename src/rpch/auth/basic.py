"""Basic credentials, from and to their header.  RFC 7617"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from rpch.auth.names import has_controls


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """A user name and a password as they travel in Basic.  RFC 7617 2"""

    user: str
    password: str = field(repr=False)

    def encode(self) -> str:
        """The header's value, in UTF-8.  RFC 7617 2.1"""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @classmethod
    def decode(cls, token: bytes) -> BasicCredentials | None:
        """What the decoded token holds; None when it is not a user name and a password.  RFC 7617 2

        Older clients send their ANSI code page, so what is no UTF-8 is read as that.
        """
        user, colon, password = _text(token).partition(":")
        if not (colon and user and password) or has_controls(user + password):
            return None
        return cls(user, password)


def _text(token: bytes) -> str:
    for charset in ("utf-8", "cp1252"):
        try:
            return token.decode(charset)
        except UnicodeDecodeError:
            continue
    return token.decode("latin-1")

"""The HTTP authentication schemes and their headers.  RFC 9110 11, RFC 4559, RFC 7617"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from rpch.auth import der
from rpch.auth.ntlm.messages import AUTHENTICATE_TYPE, NEGOTIATE_TYPE, SIGNATURE, message_type

TOKEN_LIMIT: Final = 64 * 1024  # a Kerberos ticket with a large PAC reaches 48 KiB
CHALLENGE_HEADER: Final = "WWW-Authenticate"


class Scheme(StrEnum):
    """How a client may authenticate; in the order in which they are offered."""

    NEGOTIATE = "Negotiate"
    NTLM = "NTLM"
    BASIC = "Basic"


# These bind the user to the TCP connection.  RFC 4559 6
CONNECTION_BOUND: Final = frozenset({Scheme.NEGOTIATE, Scheme.NTLM})
# Stricter than the decoder, which takes padding too much.  RFC 4648 4
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BY_NAME: Final = {scheme.value.lower(): scheme for scheme in Scheme}


def parse_schemes(names: Iterable[str]) -> tuple[Scheme, ...]:
    """Schemes by their names in any case, in the order in which they are offered; `KeyError` for others."""
    wanted = {_BY_NAME[name.strip().lower()] for name in names}
    return tuple(scheme for scheme in Scheme if scheme in wanted)


def read_authorization(value: str) -> tuple[Scheme | None, bytes | None]:
    """Scheme and token of an `Authorization`; None for what is unknown or no base64.  RFC 9110 11.4"""
    name, _, encoded = value.strip(" \t").partition(" ")
    scheme = _BY_NAME.get(name.lower())
    encoded = encoded.strip(" \t")
    if scheme is None or not encoded or len(encoded) > TOKEN_LIMIT * 4 // 3 + 4:
        return scheme, None
    if not _BASE64.fullmatch(encoded):
        return scheme, None
    token = base64.b64decode(encoded)
    return scheme, token if len(token) <= TOKEN_LIMIT else None


def begins_exchange(scheme: Scheme, token: bytes) -> bool | None:
    """Whether a token is the first of an exchange or a later one; None when it is none of this scheme's.

    Negotiate carries SPNEGO, or bare tokens of what is in it.  RFC 4559 4.1
    """
    if token.startswith(SIGNATURE):
        return {NEGOTIATE_TYPE: True, AUTHENTICATE_TYPE: False}.get(message_type(token) or 0)
    if scheme is Scheme.NTLM or not token:
        return None
    return {der.APPLICATION: True, der.field(0): True, der.field(1): False}.get(token[0])


def offer(scheme: Scheme, realm: str) -> str:
    """One line that offers a scheme. Each gets its own: clients do not split lists.  RFC 7617 2.1"""
    return f'Basic realm="{realm}", charset="UTF-8"' if scheme is Scheme.BASIC else scheme.value


def with_token(scheme: Scheme, token: bytes) -> str:
    """A scheme with its token, for either direction."""
    return f"{scheme.value} {base64.b64encode(token).decode()}"

"""What the authentication fields carry: offers in 401 and 407, credentials in requests.  RFC 9110 11

Which scheme to take and what a token means is decided elsewhere; here they are only cut out.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rpch.errors import DecodeError

MAX_TOKEN: Final = 65_536
"""Bytes of a decoded token. A Kerberos ticket with many groups comes near it."""

_SCHEME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_GAP: Final = re.compile(r"[ \t,]*")
_SPACES: Final = re.compile(r"[ \t]+")
_TOKEN68: Final = re.compile(r"([A-Za-z0-9._~+/-]+=*)[ \t]*(?=,|$)")
_PARAMETER: Final = re.compile(
    r"([-!#$%&'*+.^_`|~0-9a-zA-Z]+)[ \t]*=[ \t]*"
    r"(?:\"((?:[^\"\\]|\\.)*)\"|([-!#$%&'*+.^_`|~0-9a-zA-Z]+))"
    r"[ \t]*(?=,|$)"
)
# Stricter than the decoder, which takes more padding than there may be.
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_CREDENTIALS: Final = re.compile(r"([-!#$%&'*+.^_`|~0-9a-zA-Z]+)[ \t]+(\S.*)", re.DOTALL)


@dataclass(frozen=True)
class Challenge:
    """One scheme a server offers, with its token or parameters.  RFC 9110 11.6.1"""

    scheme: str
    token: str | None = field(default=None, repr=False)
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str | None:
        """The value of the parameter `name`, in any case."""
        return next((value for key, value in self.parameters if key.lower() == name.lower()), None)

    def offers(self, scheme: str) -> bool:
        """Whether this is `scheme`, in any case."""
        return self.scheme.lower() == scheme.lower()


@dataclass(frozen=True)
class Credentials:
    """What a client sends to prove who it is.  RFC 9110 11.6.2"""

    scheme: str
    token: str = field(repr=False)

    def decode(self) -> bytes:
        """The token's bytes; `DecodeError` unless it is strict, padded base64.  RFC 4648 4"""
        return decode_token(self.token)


def read_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """Every offer in the values of all WWW-Authenticate fields, in order.  RFC 9110 11.6.1

    One field may hold several offers. Where one makes no sense, the rest of its field is left out.
    """
    return tuple(challenge for value in values for challenge in _challenges(value))


def _challenges(value: str) -> Iterator[Challenge]:
    at = _skip(_GAP, value, 0)
    while scheme := _SCHEME.match(value, at):
        at = scheme.end()
        gap = _SPACES.match(value, at)
        if gap is None and value[at : at + 1] not in ("", ","):
            return
        token, parameters = None, []
        at = _skip(_SPACES, value, at)
        if gap and (blob := _TOKEN68.match(value, at)):
            token, at = blob[1], blob.end()
        elif gap:
            while parameter := _PARAMETER.match(value, at):
                parameters.append(_parameter(parameter))
                at = _skip(_GAP, value, parameter.end())
            if not parameters and value[at : at + 1] not in ("", ","):
                return
        yield Challenge(scheme[0], token, tuple(parameters))
        at = _skip(_GAP, value, at)


def _parameter(matched: re.Match[str]) -> tuple[str, str]:
    name, quoted, bare = matched.groups()
    return name, bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


def _skip(what: re.Pattern[str], value: str, at: int) -> int:
    skipped = what.match(value, at)
    return skipped.end() if skipped else at


def read_credentials(value: str) -> Credentials | None:
    """Scheme and token of an Authorization field, or None where there are not both.  RFC 9110 11.6.2"""
    matched = _CREDENTIALS.fullmatch(value)
    return Credentials(matched[1], matched[2]) if matched else None


def scheme_of(authorization: str | None) -> str | None:
    """The name of the scheme of an Authorization field, which a log may show; never the token."""
    credentials = read_credentials(authorization or "")
    return credentials.scheme if credentials else None


def decode_token(token: str) -> bytes:
    """The bytes of a token; `DecodeError` unless it is strict, padded base64.  RFC 4648 4"""
    if len(token) > MAX_TOKEN * 4 // 3 + 4:
        raise DecodeError(f"a token of more than {MAX_TOKEN} bytes", at=MAX_TOKEN)
    if not token or not _BASE64.fullmatch(token):
        # Without the text in the message: it may be a password.
        raise DecodeError("the token is not base64", at=0)
    return binascii.a2b_base64(token)

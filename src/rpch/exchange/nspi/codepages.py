"""Text in the code pages that clients ask for.  MS-OXNSPI 2.2.1.5, 3.1.4.3.1

Every client may read every name: what a code page lacks is written by what comes near, an accented letter
by the letter and anything else by a question mark.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

from rpch.exchange.nspi import teletex

UNICODE: Final = 1200
TELETEX: Final = 20261
WESTERN: Final = 1252
UNSET: Final = 0  # Observed: impacket leaves it unset where it asks for certain objects

_WINDOWS: Final = (437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874)
_CODECS: Final[dict[int, str]] = {
    **{page: f"cp{page}" for page in (*_WINDOWS, *range(1250, 1259), 932, 936, 949, 950)},
    **{28590 + part: f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15, 16)},
    708: "iso8859-6",
    1361: "johab",
    10000: "mac-roman",
    10006: "mac-greek",
    10007: "mac-cyrillic",
    10029: "mac-latin2",
    10081: "mac-turkish",
    20127: "ascii",
    20866: "koi8-r",
    21866: "koi8-u",
    20932: "euc-jp",
    51932: "euc-jp",
    51936: "gb2312",
    51949: "euc-kr",
    54936: "gb18030",
    65001: "utf-8",
    UNSET: "cp1252",
}


class CodePage:
    """One code page that the address book knows."""

    def __init__(self, number: int, encode: Callable[[str], bytes], decode: Callable[[bytes], str]) -> None:
        self.number, self._encode, self._decode = number, encode, decode

    def encode(self, text: str) -> bytes:
        """Text as this code page has it; never fails, and never holds the end of a string."""
        return self._encode(unicodedata.normalize("NFC", text)).partition(b"\0")[0]

    def decode(self, data: bytes) -> str:
        """What a client wrote; what is no text in this code page becomes a mark."""
        return self._decode(data)


def find(number: int) -> CodePage | None:
    """A code page by its number; None for unknown ones, and for Unicode, which is none."""
    return _KNOWN.get(number)


def _encoded(text: str, codec: str) -> bytes:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return b"".join(_nearest(char, codec) for char in text)


def _nearest(char: str, codec: str) -> bytes:
    """What is written for one character."""
    for candidate in (char, unicodedata.normalize("NFKD", char)[:1]):
        try:
            return candidate.encode(codec)
        except UnicodeEncodeError:
            continue
    return b"?"


def _by_codec(number: int, codec: str) -> CodePage:
    return CodePage(number, lambda text: _encoded(text, codec), lambda data: data.decode(codec, "replace"))


_KNOWN: Final[dict[int, CodePage]] = {
    **{number: _by_codec(number, name) for number, name in _CODECS.items()},
    TELETEX: CodePage(TELETEX, teletex.encode, teletex.decode),
}

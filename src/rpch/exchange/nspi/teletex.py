"""T.61, the code page called Teletex that every client may use.  ITU-T T.61, MS-OXNSPI 2.2.1.5

The lower half is ASCII. In the upper half accents stand alone, in front of the letter that they belong to.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_LETTERS: Final = {
    0xA0: "\u00a0",
    **dict(enumerate("¡¢£$¥#§¤", 0xA1)),
    0xAB: "«",
    **dict(enumerate("°±²³×µ¶·÷", 0xB0)),
    **dict(enumerate("»¼½¾¿", 0xBB)),
    **dict(enumerate("ΩÆÐªĦ", 0xE0)),
    **dict(enumerate("ĲĿŁ", 0xE6)),
    **dict(enumerate("ØŒºÞŦŊŉĸæđðħıĳŀłøœßþŧŋ", 0xE9)),
}
_ACCENTS: Final = {
    **dict(enumerate("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308", 0xC1)),
    0xCA: "\u030a",
    0xCB: "\u0327",
    0xCD: "\u030b",
    0xCE: "\u0328",
    0xCF: "\u030c",
}
_OF_LETTER: Final = {
    **{letter: code for code, letter in _LETTERS.items() if not letter.isascii()},
    "Đ": 0xE2,
}
_OF_ACCENT: Final = {accent: code for code, accent in _ACCENTS.items()}
_UMLAUT: Final = 0xC9  # older texts write the two dots of German so
_MARK: Final = "\ufffd"


def encode(text: str) -> bytes:
    """Text in T.61; a question mark for what it lacks."""
    out = bytearray()
    for char in unicodedata.normalize("NFC", text):
        out += _encoded(char)
    return bytes(out)


def decode(data: bytes) -> str:
    """The text that T.61 stands for."""
    out: list[str] = []
    accent = ""
    for code in data:
        if code == _UMLAUT or code in _ACCENTS:
            accent = _ACCENTS.get(code, "\u0308")
            continue
        out.append((chr(code) if code < 0x80 else _LETTERS.get(code, _MARK)) + accent)
        accent = ""
    return unicodedata.normalize("NFC", "".join(out))


def _encoded(char: str) -> bytes:
    if char < "\x80":
        return char.encode("ascii")
    if (code := _OF_LETTER.get(char)) is not None:
        return bytes([code])
    spelled = unicodedata.normalize("NFKD", char)
    base, marks = spelled[0], spelled[1:]
    letter = base.encode("ascii", "replace") if base < "\x80" else bytes([_OF_LETTER.get(base, 0x3F)])
    known = [_OF_ACCENT[mark] for mark in marks if mark in _OF_ACCENT]
    return bytes(known[:1]) + letter

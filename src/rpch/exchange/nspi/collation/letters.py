"""Letters that languages sort in places of their own.  MS-OXNSPI 2.2.1.4, MS-LCID

`z<å<ä=æ` reads: å follows z and everything that begins with z; ä and æ are one letter, and follow å. A letter
may be written with two or three characters, as Czech ch. `i=y` makes y an i.

All locales of a language share its letters, except those that are named with their number. The languages that
are not here take nothing for a letter that others take for an accent, or sort by what no table of letters
tells: Chinese and Japanese names are in the order of the characters' numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SWEDISH: Final = "z<å<ä=æ<ö=ø y=ü"
_DANISH: Final = "z<æ=ä<ø=ö<å=aa y=ü"
_SOUTH_SLAVIC: Final = "c<č<ć d<dž<đ l<lj n<nj s<š z<ž"

LANGUAGES: Final[Mapping[int, str]] = {
    0x05: "c<č h<ch r<ř s<š z<ž",  # Czech
    0x06: _DANISH,
    0x0A: "n<ñ",  # Spanish, the modern order
    0x0B: _SWEDISH,  # Finnish
    0x0E: "c<cs d<dz<dzs g<gy l<ly n<ny o<ö=ő s<sz t<ty u<ü=ű z<zs",  # Hungarian
    0x0F: "a<á d<ð e<é i<í o<ó u<ú y<ý z<þ<æ<ö=ø<å",  # Icelandic
    0x14: _DANISH,  # Norwegian
    0x15: "a<ą c<ć e<ę l<ł n<ń o<ó s<ś z<ź<ż",  # Polish
    0x18: "a<ă<â i<î s<ș=ş t<ț=ţ",  # Romanian
    0x1A: _SOUTH_SLAVIC,  # Croatian, Bosnian, Serbian
    0x1B: "a<ä c<č h<ch o<ô s<š z<ž",  # Slovak
    0x1C: "c<ç d<dh e<ë g<gj l<ll n<nj r<rr s<sh t<th x<xh z<zh",  # Albanian
    0x1D: _SWEDISH,
    0x1F: "c<ç g<ğ h<ı o<ö s<ş u<ü",  # Turkish
    0x24: "c<č<ć d<đ s<š z<ž",  # Slovenian
    0x25: "s<š<z<ž w<õ<ä<ö<ü",  # Estonian
    0x26: "c<č g<ģ i=y k<ķ l<ļ n<ņ s<š z<ž",  # Latvian
    0x27: "c<č i=y s<š z<ž",  # Lithuanian
    0x2A: "a<ă<â d<đ e<ê o<ô<ơ u<ư",  # Vietnamese
    0x2C: "c<ç e<ə g<ğ h<x<ı k<q o<ö s<ş u<ü z<w",  # Azerbaijani
    0x38: _DANISH,  # Faroese
    0x52: "c<ch d<dd f<ff g<ng l<ll p<ph r<rh t<th",  # Welsh
    0x56: "n<ñ",  # Galician
    0x6F: _DANISH,  # Greenlandic
}
"""By the number of the language, the low ten bits of a locale's."""

LOCALES: Final[Mapping[int, str]] = {
    0x0_040A: "c<ch l<ll n<ñ",  # Spanish, the traditional order
    0x1_0407: "ae=ä oe=ö ue=ü",  # German, as in telephone directories
    0x1_040E: "o<ö=ő u<ü=ű",  # Hungarian, the technical order
}
"""Those that differ from their language's."""

DOUBLED: Final = frozenset({0x0E})
"""Languages that write a letter twice by its first character: Hungarian ccs is cs and cs."""

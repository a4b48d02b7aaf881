"""Calls of the address book as nobody should make them, with anything at random in them."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from rpch.dcerpc.interface import Operation
from rpch.exchange.nspi.book.fixed import DATABASE_MID, SERVER_MID
from rpch.exchange.nspi.book.linkage import LINK_PROPERTIES
from rpch.exchange.nspi.book.schema import PROPERTIES
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire import structures
from rpch.exchange.nspi.wire.entryids import EphemeralId, PermanentId
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import PropertyTags, PropertyValue, Restriction, Stat
from rpch.ndr import ContextHandle

_WORD: Final = 0xFFFF_FFFF
WORDS: Final = st.sampled_from([0, 1, 2, 3, 0xF, 0x7FFF_FFFF, 0x8000_0000, _WORD]) | st.integers(0, _WORD)
_IDS: Final = st.sampled_from([0, 1, 2, 3, *range(0x0F, 0x18), SERVER_MID, DATABASE_MID, 0x7FFF_FF00, _WORD])
_CODE_PAGES: Final = st.sampled_from([0, 437, 932, 1200, 1201, 1252, 20261, 54936, 65001, 77]) | WORDS
_LOCALES: Final = st.sampled_from([0, 0x0405, 0x0409, 0x041D, 0x0411, 0x1_0407, _WORD]) | WORDS
_NUMBERS: Final = st.sampled_from([*PROPERTIES, *LINK_PROPERTIES, Tag.ANR >> 16]) | st.integers(0, 0xFFFF)
_SINGLE_KINDS: Final = (0x0, 0x1, 0x2, 0x3, 0xA, 0xB, 0xD, 0x1E, 0x1F, 0x40, 0x48, 0x102)
_SEVERAL_KINDS: Final = (0x1002, 0x1003, 0x101E, 0x101F, 0x1040, 0x1048, 0x1102)
_KINDS: Final = st.sampled_from([*_SINGLE_KINDS, *_SEVERAL_KINDS])
TAGS: Final = st.builds(lambda number, kind: number << 16 | kind, _NUMBERS, _KINDS | st.integers(0, 0xFFFF))
# Every script and emoji; a text ends where its first zero is, and does not travel as half a character.
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_NAMES: Final = st.sampled_from(["", "=", "alice", "=alice", "al", "EX:/o=x", "SMTP:", "/guid=00"]) | TEXTS
_BYTES: Final = st.binary(max_size=40) | st.builds(
    lambda mid, dn: EphemeralId(bytes(16), 0, mid).encode() if mid else PermanentId(0, dn).encode(),
    st.integers(0, 0x20),
    st.sampled_from(["/", "/o=x"]),
)

STATS: Final = st.builds(
    Stat,
    st.sampled_from([0, 3, 1000, 1001]) | WORDS,
    _IDS | TAGS,
    _IDS | WORDS,
    st.sampled_from([0, 1, -1, -(2**31), 2**31 - 1]),
    WORDS,
    WORDS,
    _CODE_PAGES,
    _LOCALES,
    _LOCALES,
)


def _octets(text: str) -> str:
    """Text in some code page, as it travels."""
    return text.encode("utf-8").decode("latin-1")


_SINGLE: Final[dict[int, st.SearchStrategy[Any]]] = {
    0x0002: st.integers(-(2**15), 2**15 - 1),
    0x0003: st.integers(-(2**31), 2**31 - 1),
    0x000A: WORDS,
    0x000B: st.integers(0, 0xFFFF),
    0x001E: st.none() | TEXTS.map(_octets),
    0x001F: st.none() | TEXTS,
    0x0040: st.integers(0, 2**64 - 1),
    0x0048: st.none() | st.binary(min_size=16, max_size=16),
    0x0102: st.builds(structures.Binary, st.none() | _BYTES),
    0x0000: WORDS,
    0x0001: WORDS,
    0x000D: WORDS,
}
_SEVERAL: Final[dict[int, Any]] = {
    0x1002: structures.ShortArray,
    0x1003: structures.LongArray,
    0x101E: structures.StringArray,
    0x101F: structures.WStringArray,
    0x1040: structures.TimeArray,
    0x1048: structures.GuidArray,
    0x1102: structures.BinaryArray,
}
_VALUES: Final = _SINGLE | {
    kind: st.builds(
        array,
        st.none() | st.lists(_SINGLE[kind & 0x0FFF], max_size=3).map(tuple),
    )
    for kind, array in _SEVERAL.items()
}


@st.composite
def _value(draw: st.DrawFn) -> PropertyValue:
    kind = draw(_KINDS)
    return PropertyValue(draw(_NUMBERS) << 16 | kind, 0, draw(_VALUES[kind]))


VALUES: Final = _value()
_TAG_LISTS: Final = st.none() | st.lists(TAGS, max_size=6).map(lambda tags: PropertyTags(tuple(tags)))
_ID_LISTS: Final = st.lists(_IDS | WORDS, max_size=6)
_ROWS: Final = st.builds(
    structures.PropertyRow, st.just(0), st.none() | st.lists(VALUES, max_size=3).map(tuple)
)
_RELATIONS: Final = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 0x64]) | WORDS
_LEAVES: Final = st.one_of(
    st.builds(structures.Content, st.sampled_from([0, 1, 2, 0x1_0001]) | WORDS, TAGS, st.none() | VALUES).map(
        lambda term: Restriction(3, term)
    ),
    st.builds(structures.Compare, _RELATIONS, TAGS, st.none() | VALUES).map(
        lambda term: Restriction(4, term)
    ),
    st.builds(structures.CompareTwo, _RELATIONS, TAGS, TAGS).map(lambda term: Restriction(5, term)),
    st.builds(structures.Bits, WORDS, TAGS, WORDS).map(lambda term: Restriction(6, term)),
    st.builds(structures.Size, _RELATIONS, TAGS, WORDS).map(lambda term: Restriction(7, term)),
    st.builds(structures.Exists, WORDS, TAGS, WORDS).map(lambda term: Restriction(8, term)),
    st.just(Restriction(2, structures.Not(None))),
    st.just(Restriction(9, structures.Sub(0, None))),
)
RESTRICTIONS: Final = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: structures.all_of(*parts)),
        st.lists(inner, max_size=3).map(lambda parts: structures.any_of(*parts)),
        inner.map(lambda part: Restriction(2, structures.Not(part))),
        inner.map(lambda part: Restriction(9, structures.Sub(0, part))),
    ),
    max_leaves=6,
)
_PROPERTY_NAMES: Final = st.none() | st.builds(
    structures.PropertyName, st.none() | st.binary(min_size=16, max_size=16), WORDS, st.integers(-1, 0x1_0000)
)


@st.composite
def calls(draw: st.DrawFn, handle: ContextHandle) -> tuple[Operation[Any, Any], Any]:
    """Any operation but bind and unbind, with anything in it."""
    table = draw(st.none() | _ID_LISTS.map(tuple))
    stat, word, tags = draw(STATS), draw(WORDS), draw(_TAG_LISTS)
    names = tuple(draw(st.lists(st.none() | _NAMES, max_size=4)))
    narrow = structures.StringNames(tuple(None if name is None else _octets(name) for name in names))
    ids = PropertyTags(tuple(draw(_ID_LISTS)))
    entry_ids = structures.BinaryArray(tuple(map(structures.Binary, draw(st.lists(_BYTES, max_size=3)))))
    requests: list[tuple[Operation[Any, Any], Any]] = [
        (Nspi.update_stat, wire.UpdateStatRequest(handle, word, stat, draw(st.none() | st.just(5)))),
        (
            Nspi.query_rows,
            wire.QueryRowsRequest(handle, word, stat, len(table or ()), table, draw(WORDS), tags),
        ),
        (
            Nspi.seek_entries,
            wire.SeekEntriesRequest(handle, word, stat, draw(VALUES), None if table is None else ids, tags),
        ),
        (
            Nspi.get_matches,
            wire.GetMatchesRequest(
                handle,
                word,
                stat,
                None,
                0,
                draw(st.none() | RESTRICTIONS),
                draw(_PROPERTY_NAMES),
                draw(WORDS),
                tags,
            ),
        ),
        (Nspi.resort_restriction, wire.ResortRestrictionRequest(handle, word, stat, ids, None)),
        (Nspi.dn_to_mid, wire.DnToMidRequest(handle, word, narrow)),
        (Nspi.get_prop_list, wire.GetPropListRequest(handle, word, draw(_IDS), draw(_CODE_PAGES))),
        (Nspi.get_props, wire.GetPropsRequest(handle, word, stat, tags)),
        (Nspi.compare_mids, wire.CompareMidsRequest(handle, word, stat, draw(_IDS), draw(_IDS))),
        (Nspi.mod_props, wire.ModPropsRequest(handle, word, stat, tags, draw(_ROWS))),
        (Nspi.get_special_table, wire.GetSpecialTableRequest(handle, word, stat, draw(WORDS))),
        (
            Nspi.get_template_info,
            wire.GetTemplateInfoRequest(
                handle,
                word,
                draw(st.sampled_from([0, 1, 2, 3, 6, 0x100, 0x200]) | WORDS),
                draw(st.none() | st.just(b"") | st.just(b"/o=\xff")),
                draw(_CODE_PAGES),
                draw(_LOCALES),
            ),
        ),
        (Nspi.mod_link_att, wire.ModLinkAttRequest(handle, word, draw(TAGS), draw(_IDS), entry_ids)),
        (Nspi.query_columns, wire.QueryColumnsRequest(handle, 0, word)),
        (Nspi.resolve_names, wire.ResolveNamesRequest(handle, word, stat, tags, narrow)),
        (
            Nspi.resolve_names_w,
            wire.ResolveNamesWRequest(handle, word, stat, tags, structures.WStringNames(names)),
        ),
    ]
    chosen: tuple[Operation[Any, Any], Any] = draw(st.sampled_from(requests))
    return chosen

"""The lines of cards."""

from io import StringIO

import pytest

from rpch.directory.transfer import vcard_lines
from rpch.directory.transfer.records import BadRecord
from rpch.directory.transfer.vcard_lines import CardLine, escaped, folded, parse_line, read_cards


def line(text: str) -> CardLine:
    return parse_line(text, "line 1")


def test_cards_are_cut_out_and_their_lines_joined() -> None:
    text = (
        "noise\r\nBEGIN:VCARD\r\nFN:A\r\n b\r\n\tc\r\n\r\nEND:VCARD\r\nEND:VCARD\n"
        "begin:vcard\nNOTE;ENCODING=QUOTED-PRINTABLE:a=\n=C3=A4\nend:vcard\nBEGIN:VCARD\nFN:unfinished\n"
    )
    assert list(read_cards(StringIO(text, newline=""))) == [
        (2, ["FN:Abc"]),
        (9, ["NOTE;ENCODING=QUOTED-PRINTABLE:a=C3=A4"]),
    ]


def test_parameters_and_types() -> None:
    found = line('item1.tel;TYPE="work,voice";PREF=1;CELL:+49 30: 5')
    assert (found.name, found.types, found.parameters["PREF"]) == (
        "TEL",
        frozenset({"work", "voice", "cell"}),
        "1",
    )
    assert found.text == "+49 30: 5"
    assert line('X;A="a;b:c":value').parameters == {"A": "a;b:c"}


def test_values_are_unescaped() -> None:
    assert line(r"NOTE:a\, b\; c\\d\ne\Nf\x").text == "a, b; c\\d\ne\nfx"
    assert line(r"N:Do\;e;John;;").parts == ["Do;e", "John", "", ""]
    assert line("NOTE:end\\").text == "end\\"


def test_quoted_printable_of_old_cards() -> None:
    assert line("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=utf-8:M=C3=BCller").text == "Müller"
    assert line("FN;QUOTED-PRINTABLE;CHARSET=iso-8859-1:M=FCller").text == "Müller"
    assert line("FN;QUOTED-PRINTABLE;CHARSET=no-such:M").text == "M"


def test_a_line_without_a_value_is_none() -> None:
    with pytest.raises(BadRecord):
        line("nonsense")
    with pytest.raises(BadRecord):
        line('X;A="never ends:value')


def test_what_is_escaped_comes_back() -> None:
    text = "a,b;c\\d\r\ne\rf\ng"
    assert line("NOTE:" + escaped(text)).text == "a,b;c\\d\ne\nf\ng"


def test_long_lines_are_folded_between_letters() -> None:
    long = "NOTE:" + "ä" * 200
    pieces = folded(long).split("\r\n")
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == long
    assert folded("short") == "short"


def test_a_card_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vcard_lines, "LARGEST_CARD", 100)
    with pytest.raises(BadRecord):
        list(read_cards(StringIO("BEGIN:VCARD\n" + "NOTE:x\n" * 100)))

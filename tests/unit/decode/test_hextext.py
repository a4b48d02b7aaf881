"""Hex is read in every form in which people have it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.decode.hextext import parse_hex
from rpch.errors import DecodeError
from rpch.testing.rts_samples import SAMPLES

DATA = SAMPLES[2].encode()  # CONN/A3, 28 bytes
A1 = SAMPLES[0].encode()

XXD = """\
00000000: 0500 1403 1000 0000 1c00 0000 0000 0000  ................
00000010: 0000 0100 0200 0000 c0d4 0100            ............
"""
HEXDUMP = """\
00000000  05 00 14 03 10 00 00 00  1c 00 00 00 00 00 00 00  |................|
00000010  00 00 01 00 02 00 00 00  c0 d4 01 00              |............|
0000001c
"""
WIRESHARK = """\
0000   05 00 14 03 10 00 00 00 1c 00 00 00 00 00 00 00   ................
0010   00 00 01 00 02 00 00 00 c0 d4 01 00               ............
"""
FORMS = {
    "bare digits": DATA.hex(),
    "capital digits": DATA.hex().upper(),
    "groups": DATA.hex(" ", 4),
    "lines": "\n".join(DATA[at : at + 4].hex(" ") for at in range(0, 28, 4)),
    "colons": DATA.hex(":"),
    "0x": ", ".join(f"0x{byte:02x}" for byte in DATA),
    "C": '"' + "".join(f"\\x{byte:02x}" for byte in DATA) + '"',
    "comments": "05001403 10000000 1c000000 00000000  # header\n00000100 # flags, count\n02000000 c0d40100",
    "xxd": XXD,
    "hexdump -C": HEXDUMP,
    "Wireshark": WIRESHARK,
    "Windows line ends": WIRESHARK.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read(form: str) -> None:
    assert parse_hex(FORMS[form]) == DATA


@pytest.mark.parametrize("size", [1, 7, 8, 15, 16, 17, 31, 32, 33, 76])
def test_dumps_of_every_length_are_read(size: int) -> None:
    data = (A1 * 2)[:size]
    rows = [data[at : at + 16] for at in range(0, size, 16)]
    xxd = [f"{16 * n:08x}: {row.hex(' ', -2):<39}  {'.' * len(row)}" for n, row in enumerate(rows)]
    shark = [f"{16 * n:04x}   {row.hex(' '):<47}   {'.' * len(row)}" for n, row in enumerate(rows)]
    assert parse_hex("\n".join(xxd)) == data
    assert parse_hex("\n".join(shark)) == data


def test_a_column_of_text_that_looks_like_hex_is_no_hex() -> None:
    text = b"abcdef0123456789" + b"beef"
    lines = [
        f"00000000: {text[:16].hex(' ', -2)}  abcdef0123456789",
        f"00000010: {text[16:].hex(' ', -2):<39}  beef",
    ]
    assert parse_hex("\n".join(lines)) == text


def test_a_single_line_of_a_dump_is_read() -> None:
    assert parse_hex("0000  05 00 14 03") == b"\x05\0\x14\x03"


def test_lines_that_only_look_like_a_dump_are_hex() -> None:
    assert parse_hex("0000 0500\n1403") == bytes.fromhex("000005001403")
    assert parse_hex("00000000 01000000\n02000000 03000000") == bytes.fromhex(
        "00000000010000000200000003000000"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no hex digits at all, at byte 0"),
        ("  \n\t\n", "no hex digits at all, at byte 0"),
        ("0500 14", None),
        ("0500 1", "line 1 has an odd number of hex digits, at byte 2"),
        ("0500\n14zz", "'z' in line 2 is no hex digit, at byte 2"),
        ("hello", "'h' in line 1 is no hex digit, at byte 0"),
        (XXD.replace("00000010", "00000018"), "line 2 does not begin with offset 10, at byte 16"),
        (XXD + "00000099: 00\n", "the offset after line 2 does not fit, at byte 16"),
        (XXD.replace("00000010", "00000090"), "the offset after line 1 does not fit, at byte 0"),
        (HEXDUMP + "what\n", "line 4 does not begin with offset 1c, at byte 28"),
        (HEXDUMP.replace("0000001c", "*\n00000030"), "line 3 stands for repeated lines: dump again with -v"),
    ],
)
def test_what_is_no_hex_is_named_with_its_place(text: str, problem: str | None) -> None:
    if problem is None:
        assert parse_hex(text) == b"\x05\0\x14"
        return
    with pytest.raises(DecodeError) as caught:
        parse_hex(text)
    assert str(caught.value).startswith(problem)


@given(st.binary(min_size=1, max_size=100), st.sampled_from(["", " ", ":", "-", ", ", "\n"]))
def test_bytes_survive_any_separator(data: bytes, separator: str) -> None:
    assert parse_hex("ff" + separator + separator.join(f"{byte:02x}" for byte in data)) == b"\xff" + data


@given(st.text(alphabet="0123456789abcdefg :x|\n*#", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_hex(text)
    except DecodeError:
        return

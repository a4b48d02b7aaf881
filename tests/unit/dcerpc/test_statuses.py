from __future__ import annotations

import pytest

from rpch.dcerpc.statuses import FORBIDDEN, WIN32_BY_NCA, Status, sendable, win32


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (0x1C010002, "OP_RNG_ERROR (0x1c010002)"),
        (0x6F7, "RPC_X_BAD_STUB_DATA (0x000006f7)"),
        (0x1C010999, "0x1c010999"),
    ],
)
def test_statuses_print_their_names_or_numbers(status: int, name: str) -> None:
    assert str(Status(status)) == name


def test_an_unknown_status_keeps_its_number() -> None:
    assert Status(0x1C010999) == 0x1C010999
    assert repr(Status(0x1C010999)) == "<Status.0x1c010999: 469830041>"


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_a_status_has_32_bits(value: int) -> None:
    with pytest.raises(ValueError, match="is not a valid Status"):
        Status(value)


@pytest.mark.parametrize(
    ("nca", "seen"),
    [
        (0x1C000001, 0x6E7),
        (0x1C00000D, 0x71A),
        (0x1C000019, 0xE),
        (0x1C00001A, 6),
        (0x1C00001B, 0x46A),
        (0x1C010002, 0x6D1),
        (0x1C010003, 0x6B5),
        (0x1C01000B, 0x6C0),
        (0x1C010014, 0x6BB),
        (5, 5),
        (0x12345678, 0x12345678),
    ],
)
def test_callers_see_windows_codes(nca: int, seen: int) -> None:
    assert win32(nca) == seen


def test_every_translation_leads_from_a_dce_code_to_a_windows_code() -> None:
    assert all(nca >> 24 == 0x1C and seen < 0x1000 for nca, seen in WIN32_BY_NCA.items())


@pytest.mark.parametrize("status", sorted(FORBIDDEN))
def test_forbidden_statuses_are_neither_sent_nor_believed(status: int) -> None:
    assert win32(status) == Status.RPC_S_PROTOCOL_ERROR
    assert sendable(status) == Status.S_FAULT_UNSPEC


def test_other_statuses_are_sent_as_they_are() -> None:
    assert sendable(0x80070005) == 0x80070005
    assert sendable(-2147024891) == 0x80070005

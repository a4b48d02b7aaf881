"""How members are cut into runs, and what a run does."""

from types import SimpleNamespace
from typing import Annotated

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.dimensions import fixed
from rpch.ndr.faults import StubError
from rpch.ndr.kinds import Unsent, kind_of
from rpch.ndr.layout import Member, Run, Step, misfit, pieces, steps
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import Boolean, Byte, Hyper, Short, ULong, ranged
from rpch.ndr.streams import Decoder, Encoder
from rpch.ndr.strings import AString, varying_string

TEXT = Annotated[str, varying_string(8)]


def members(*hints: object) -> list[Member]:
    return [Member(f"m{at}", kind_of(hint)) for at, hint in enumerate(hints)]


def layouts(cut: list[Run | Member]) -> list[tuple[str, int] | str]:
    return [(piece.layout, piece.mask) if isinstance(piece, Run) else piece.name for piece in cut]


def write(done: list[Step], *values: object) -> bytes:
    encoder = Encoder()
    scope = SimpleNamespace(**{f"m{at}": value for at, value in enumerate(values)})
    for step in done:
        step[0](encoder, scope, scope)
    return bytes(encoder.out)


def read(done: list[Step], wire: bytes) -> dict[str, object]:
    decoder, slots = Decoder(wire), dict[str, object]()
    for step in done:
        step[1](decoder, slots, None)
    assert decoder.at == len(wire)
    return slots


def test_neighbours_of_fixed_size_are_one_run_with_its_gaps() -> None:
    cut = pieces(members(Byte, Hyper, Short, ULong, Byte), known=8, mask=7, top=False)
    assert layouts(cut) == [("BxxxxxxxqhxxIB", 7)]


def test_what_follows_something_of_any_size_closes_its_own_gap() -> None:
    cut = pieces(members(Byte, TEXT, Byte, Short, ULong, Short, Hyper, Byte), known=8, mask=7, top=False)
    assert layouts(cut) == [("B", 7), "m1", ("B", 0), ("h", 1), ("Ih", 3), ("qB", 7)]


def test_pointers_join_runs_but_for_parameters() -> None:
    hints = (ULong, unique(ULong), ULong)
    assert layouts(pieces(members(*hints), known=4, mask=3, top=False)) == [("III", 3)]
    assert layouts(pieces(members(*hints), known=8, mask=0, top=True)) == [("I", 0), "m1", ("I", 3)]


def test_what_has_no_bytes_leaves_no_trace() -> None:
    assert layouts(pieces(members(ULong, Unsent(), ULong), known=4, mask=3, top=False)) == [("II", 3)]


def test_runs_and_the_rest_travel_in_order() -> None:
    done = steps("Owner", members(Byte, TEXT, Boolean, ULong), "<", known=4, mask=3, top=False)
    wire = bytes.fromhex("05 000000 00000000 02000000 6100 01 00 07000000")
    assert write(done, 5, "a", True, 7) == wire
    assert read(done, wire) == {"m0": 5, "m1": "a", "m2": True, "m3": 7}


def test_the_gap_is_closed_before_a_first_member_that_is_no_scalar() -> None:
    done = steps("Owner", members(TEXT, Hyper), "<", known=8, mask=7, top=False)
    encoder = Encoder()
    encoder.out += b"\1"
    done[0][0](encoder, None, None)
    assert len(encoder.out) == 8
    decoder = Decoder(bytes(16))
    decoder.at = 1
    done[0][1](decoder, {}, None)
    assert decoder.at == 8


def test_a_run_in_the_middle_closes_its_gap() -> None:
    for hint in (ULong, ranged(ULong, 0, 9)):
        done = steps("Owner", members(hint), "<", known=4, mask=3, top=False)
        encoder = Encoder()
        encoder.out += b"\1"
        done[0][0](encoder, SimpleNamespace(m0=5), None)
        assert bytes(encoder.out) == bytes.fromhex("01 000000 05000000")


def test_a_parameters_referents_follow_it_at_once() -> None:
    done = steps("Owner", members(unique(AString), ULong), "<", known=8, mask=0, top=True)
    wire = bytes.fromhex("00000200 02000000 00000000 02000000 7800 0000 07000000")
    assert write(done, "x", 7) == wire
    assert read(done, wire) == {"m0": "x", "m1": 7}
    done = steps("Owner", members(fixed(unique(ULong), 1), ULong), "<", known=8, mask=0, top=True)
    wire = bytes.fromhex("00000200 05000000 07000000")
    assert write(done, (5,), 7) == wire
    assert read(done, wire) == {"m0": (5,), "m1": 7}


def test_a_run_cut_short_is_refused() -> None:
    done = steps("Owner", members(ULong, ULong), "<", known=8, mask=0, top=True)
    with pytest.raises(StubError, match="need 8 bytes, have 7") as refused:
        read(done, bytes(7))
    assert refused.value.at == 0


@pytest.mark.parametrize("hint", [ULong, ranged(ULong, 0, 1 << 40)])
def test_a_value_that_does_not_fit_is_named(hint: object) -> None:
    done = steps("Owner", members(Byte, hint), "<", known=8, mask=0, top=False)
    with pytest.raises(LocalProtocolError, match=r"^Owner\.m1: "):
        write(done, 1, 1 << 32)


def test_a_value_that_its_type_refuses_is_named() -> None:
    done = steps("Owner", members(Byte, ranged(ULong, 0, 9), TEXT), "<", known=8, mask=0, top=False)
    with pytest.raises(LocalProtocolError, match=r"^Owner\.m1: 10 is not within 0 and 9"):
        write(done, 1, 10, "")
    with pytest.raises(LocalProtocolError, match=r"^Owner\.m2: "):
        write(done, 1, 9, "far too long")


def test_a_misfit_nobody_is_guilty_of_still_tells() -> None:
    run = Run(0)
    run.add("number", kind_of(ULong))  # type: ignore[arg-type]  # a scalar, as its alias says
    assert str(misfit("Owner", run, "<", (1,), ValueError("odd"))) == "Owner: odd"

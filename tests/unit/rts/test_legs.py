"""Where a PDU was seen tells what it is called."""

import pytest

from rpch.rts import pdus
from rpch.rts.commands import Empty, Padding
from rpch.rts.commands import ForwardDestination as Party
from rpch.rts.legs import ARRIVALS, candidates, names
from rpch.rts.pdus import CATALOGUE, RtsMessage, RtsPdu, read_message
from rpch.testing.rts_samples import SAMPLES

BY_NAME = {sample.NAME: sample for sample in SAMPLES}


def called(name: str, place: str | None = None, receiver: Party | None = None) -> str:
    """The names that the bytes of one PDU can have."""
    message = read_message(BY_NAME[name].encode())
    return names(candidates(message, place=place, receiver=receiver))


def test_every_pdu_arrives_somewhere() -> None:
    assert {kind for kinds in ARRIVALS.values() for kind in kinds} == set(CATALOGUE)


def test_every_place_has_two_ends() -> None:
    assert {place for place, _ in ARRIVALS} == {"IN-H", "IN-T", "OUT-H", "OUT-T"}
    for place, receiver in ARRIVALS:
        assert (
            receiver
            in {
                "IN-H": {Party.IN_PROXY, Party.CLIENT},
                "IN-T": {Party.IN_PROXY, Party.SERVER},
                "OUT-H": {Party.OUT_PROXY, Party.CLIENT},
                "OUT-T": {Party.OUT_PROXY, Party.SERVER},
            }[place]
        )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.NAME)
def test_bytes_alone_name_every_pdu_they_can_be(sample: RtsPdu) -> None:
    kinds = candidates(read_message(sample.encode()))
    assert type(sample) in kinds
    assert sample.NAME in names(kinds).split(" = ")
    assert {kind.FLAGS for kind in kinds} == {sample.FLAGS}


def test_the_place_and_the_direction_tell_twins_apart() -> None:
    assert called("CONN/C1") == "CONN/C1 = CONN/C2"
    assert called("CONN/C1", "OUT-T") == "CONN/C1"
    assert called("CONN/C1", "OUT-H") == "CONN/C2"
    assert called("OUT_R1/A9") == "OUT_R1/A9 = OUT_R1/A10 = OUT_R1/A11 = OUT_R2/B1"
    assert called("OUT_R1/A9", "OUT-H", Party.CLIENT) == "OUT_R1/A10"
    assert called("OUT_R1/A9", "OUT-H", Party.OUT_PROXY) == "OUT_R1/A11"
    assert called("OUT_R1/A9", "OUT-T") == "OUT_R1/A9 = OUT_R2/B1"
    assert called("IN_R1/A5", "OUT-T", Party.SERVER) == "OUT_R2/A4"
    assert called("IN_R1/A5", receiver=Party.IN_PROXY) == "IN_R1/A5 = IN_R2/A5"


def test_what_only_the_proxy_can_tell_apart_keeps_both_names() -> None:
    assert called("IN_R1/A1", "IN-H") == "IN_R1/A1 = IN_R2/A1"
    assert called("OUT_R1/A3", "OUT-H") == "OUT_R1/A3 = OUT_R2/A3"
    assert called("OUT_R1/A1", "OUT-T") == "OUT_R1/A1 = OUT_R2/A1"
    assert called("OUT_R1/A1", "OUT-H") == "OUT_R1/A2 = OUT_R2/A2"


def test_a_pdu_in_the_wrong_place_is_still_named() -> None:
    assert called("CONN/A1", "IN-T", Party.SERVER) == "CONN/A1"


def test_what_is_no_pdu_has_no_name() -> None:
    message = RtsMessage(pdus.RtsFlags.EOF, (Empty(), Padding(4)))
    assert candidates(message) == ()
    assert names(()) == ""

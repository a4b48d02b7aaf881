"""Who reads without acknowledging, and who only seems to."""

from __future__ import annotations

import pytest

from rpch.testing.talks import rpc_pdu
from rpch.vconn.silence import Silence

WINDOW = 65_536
QUARTER = WINDOW // 4


def fragment(call: int, size: int, *, last: bool) -> bytes:
    """A fragment of an answer."""
    pdu = bytearray(rpc_pdu(2, call, size))
    pdu[3] = 2 if last else 0
    return bytes(pdu)


def after(*runs: bytes, waiting: bool = False) -> bool:
    """Whether a client must have read more than half of its window when these runs came from the server."""
    silence = Silence(WINDOW)
    for run in runs:
        silence.answering(run, waiting=waiting)
    return silence.reads


def answers(*calls: int, size: int = QUARTER) -> list[bytes]:
    """One run for each answer."""
    return [rpc_pdu(2, call, size) for call in calls]


def test_who_calls_again_has_read_what_came_before() -> None:
    assert not after(*answers(1, 2, 3))  # half of it, not more
    assert after(*answers(1, 2, 3, 4))


def test_an_answer_in_fragments_is_read_when_the_next_call_is_answered() -> None:
    first = [fragment(1, 5_000, last=at == 9) for at in range(10)]
    assert not after(*first)
    assert after(*first, *answers(2))
    assert after(b"".join(first), *answers(2))


def test_of_one_large_answer_nothing_is_known() -> None:
    assert not after(*[fragment(1, 5_000, last=False) for _ in range(100)])


@pytest.mark.parametrize(
    "runs",
    [
        [b"".join(answers(1, 2)), *answers(3, 4, 5)],
        [fragment(1, 100, last=False), *answers(2, 3, 4, 5, 6)],
    ],
    ids=["answered in one go", "answered in between"],
)
def test_several_calls_at_once_say_nothing(runs: list[bytes]) -> None:
    assert not after(*runs)


def test_an_answer_that_comes_while_another_waits_says_nothing() -> None:
    assert not after(*answers(1, 2, 3, 4, 5), waiting=True)


def test_a_call_id_is_read_in_the_order_of_its_pdu() -> None:
    pdus = [bytearray(pdu) for pdu in answers(*[1] * 8, size=0x2020)]
    for pdu in pdus:
        pdu[4] = 0  # the other order: a length that reads the same in both
        pdu[12:16] = bytes([0, 0, 0, 1])
    assert not after(*[bytes(pdu) for pdu in pdus])
    pdus[-1][15] = 2
    assert after(*[bytes(pdu) for pdu in pdus])

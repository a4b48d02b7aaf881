"""Pipes."""

from collections.abc import Callable
from typing import Annotated

import pytest

from rpch.errors import LocalProtocolError
from rpch.ndr.constructs import Message, Struct
from rpch.ndr.faults import StubError
from rpch.ndr.pipes import pipe
from rpch.ndr.pointers import unique
from rpch.ndr.scalars import Byte, Hyper, ULong
from rpch.ndr.strings import UnicodeString

Check = Callable[[Message, str], None]


class Point(Struct):
    x: Byte
    y: Hyper


class Octets(Message):
    chunks: Annotated[tuple[bytes, ...], pipe(Byte)]
    after: Byte


class Points(Message):
    chunks: Annotated[tuple[tuple[Point, ...], ...], pipe(Point)]


def test_chunks_follow_each_other_until_an_empty_one(check_stub: Check) -> None:
    check_stub(Octets((b"abc", b"d"), 9), "03000000 616263 00 01000000 64 000000 00000000 09")
    check_stub(Octets((), 9), "00000000 09")
    check_stub(Points(((Point(1, 2),),)), "01000000 00000000 0100000000000000 0200000000000000 00000000")


def test_an_empty_chunk_of_ours_would_end_the_pipe() -> None:
    with pytest.raises(LocalProtocolError, match="end the pipe"):
        Octets((b"",), 9).encode()


def test_a_chunk_that_cannot_be_there_is_refused() -> None:
    with pytest.raises(StubError, match="2147483647 items"):
        Octets.decode(bytes.fromhex("ffffff7f 00000000"))


@pytest.mark.parametrize("element", [unique(ULong), pipe(Byte), UnicodeString])
def test_elements_are_no_pipes_and_no_pointers(element: object) -> None:
    with pytest.raises(TypeError, match="neither a pipe nor a pointer"):
        pipe(element)

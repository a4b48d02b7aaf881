"""Context handles."""

from uuid import UUID

from rpch.ndr.constructs import Message
from rpch.ndr.handles import NIL_HANDLE, ContextHandle


class One(Message):
    handle: ContextHandle


def test_a_handle_is_twenty_bytes() -> None:
    handle = ContextHandle(0, UUID("11223344-5566-7788-99aa-bbccddeeff00"))
    wire = bytes.fromhex("00000000 44332211 6655 8877 99aabbccddeeff00")
    assert One(handle).encode() == wire
    assert One.decode(wire).handle == handle
    assert not handle.is_nil


def test_the_nil_handle_is_all_zero() -> None:
    assert One(NIL_HANDLE).encode() == bytes(20)
    assert One.decode(bytes(20)).handle.is_nil
    assert ContextHandle() == NIL_HANDLE


def test_all_twenty_bytes_tell_handles_apart() -> None:
    odd = One.decode(b"\1" + bytes(19)).handle
    assert odd != NIL_HANDLE
    assert not odd.is_nil
    assert len({odd, NIL_HANDLE, ContextHandle()}) == 2

"""The error of a stub that is none."""

from rpch.errors import DecodeError
from rpch.ndr.faults import NULL_REF_POINTER, StubError


def test_a_stub_error_is_a_decode_error_that_knows_its_fault() -> None:
    error = StubError("too short", at=4)
    assert isinstance(error, DecodeError)
    assert (str(error), error.at, error.status) == ("too short, at byte 4", 4, 0x6F7)
    assert StubError("null", at=0, status=NULL_REF_POINTER).status == 0x6F4

"""A refusal says which status, and why."""

from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.wire.structures import Status


def test_it_says_what_and_why() -> None:
    assert str(Refused(Status.NOT_FOUND, "nobody is called so")) == "NOT_FOUND: nobody is called so"
    assert str(Refused(Status.NOT_FOUND)) == "NOT_FOUND"
    assert str(Refused(Status(0x8765))) == "0x8765"
    assert Refused(Status.NOT_FOUND).status is Status.NOT_FOUND

"""What every test of a format does."""

from collections.abc import Callable

import pytest

from rpch.ndr import Message, StubError

Check = Callable[[Message, str], None]


@pytest.fixture
def check_stub() -> Check:
    """Both directions of a little-endian stub, cut short at every byte, and a byte too many."""

    def check(message: Message, text: str) -> None:
        wire, kind = bytes.fromhex(text), type(message)
        assert message.encode() == wire
        assert kind.decode(wire) == message
        assert kind.decode(wire + b"\xff") == message
        for cut in range(len(wire)):
            with pytest.raises(StubError):
                kind.decode(wire[:cut])
        other = message.encode(little_endian=False)
        assert len(other) == len(wire)
        assert kind.decode(other, little_endian=False) == message

    return check

"""The quick way to read and write acknowledgements agrees with the way of all other PDUs."""

import pytest

from rpch.rts import acknowledgements
from rpch.rts.commands import Destination, FlowControlAck, ForwardDestination
from rpch.rts.pdus import Ack, AckWithDestination, Ping, RtsFlags, encode, read_message

ACK = FlowControlAck(0x01020304, 0xFFFFFFFF, bytes(range(16)))
TO_CLIENT = Destination(ForwardDestination.CLIENT)
PLAIN = encode(RtsFlags.OTHER_CMD, [ACK])
FORWARDED = encode(RtsFlags.OTHER_CMD, [TO_CLIENT, ACK])
ODD_FLAGS = encode(RtsFlags.PING, [ACK])
OTHER_ORDER = encode(RtsFlags.OTHER_CMD, [ACK, TO_CLIENT])


def test_they_are_written_as_their_commands_are() -> None:
    assert acknowledgements.encode(ACK) == PLAIN == Ack(ACK).encode()
    assert acknowledgements.encode(ACK, TO_CLIENT) == FORWARDED == AckWithDestination(TO_CLIENT, ACK).encode()


def test_they_are_read_as_their_commands_are() -> None:
    assert acknowledgements.read(PLAIN) == (ACK,)
    assert acknowledgements.read(FORWARDED) == (TO_CLIENT, ACK)
    assert read_message(PLAIN).is_a(Ack)
    assert read_message(FORWARDED).is_a(AckWithDestination)


def test_sizes_are_those_of_the_pdus() -> None:
    assert len(PLAIN) == acknowledgements.SIZE
    assert len(FORWARDED) == acknowledgements.SIZE_WITH_DESTINATION


@pytest.mark.parametrize("wire", [PLAIN, FORWARDED])
def test_what_differs_anywhere_but_in_a_value_is_left_to_others(wire: bytes) -> None:
    fixed = 24
    for at in range(fixed):
        changed = wire[:at] + bytes([wire[at] ^ 0x80]) + wire[at + 1 :]
        assert acknowledgements.read(changed) is None, at
    for cut in range(len(wire)):
        assert acknowledgements.read(wire[:cut]) is None
    assert acknowledgements.read(wire + b"\0") is None


@pytest.mark.parametrize("wire", [ODD_FLAGS, OTHER_ORDER, Ping().encode()])
def test_other_pdus_are_left_to_others(wire: bytes) -> None:
    assert acknowledgements.read(wire) is None
    assert not read_message(wire).is_a(Ack)
    assert not read_message(wire).is_a(AckWithDestination)


def test_a_second_command_that_is_no_acknowledgement_is_left_to_others() -> None:
    wire = FORWARDED[:28] + bytes.fromhex("08000000") + FORWARDED[32:]  # padding
    assert acknowledgements.read(wire) is None


def test_a_channel_must_have_a_whole_name() -> None:
    with pytest.raises(ValueError, match="need 16 bytes, have 3"):
        acknowledgements.encode(FlowControlAck(1, 2, b"abc"))

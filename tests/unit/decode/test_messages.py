"""Messages are plain values."""

from rpch.decode.messages import Kind, Message, Part


def test_a_message_is_its_fields() -> None:
    part = Part(0, 1, b"\x05", "rpc_vers", "5")
    message = Message(Kind.RTS, "Ping", 0, b"\x05", parts=(part,))
    assert message == Message(Kind.RTS, "Ping", 0, b"\x05", "", (part,), None)
    assert part.depth == 0

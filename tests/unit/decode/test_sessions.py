"""What was agreed on gives calls their names."""

from rpch.decode.sessions import KNOWN_CALLS, Session, Sessions
from rpch.testing.captures import EMSMDB


def test_a_call_has_the_name_of_its_context_and_number() -> None:
    session = Session()
    assert session.begin(1, 0, 10) == "operation 10"
    session.offer(0, EMSMDB)
    assert session.begin(2, 0, 10) == "EMSMDB EcDoConnectEx"
    assert session.named(2) == "EMSMDB EcDoConnectEx"
    assert session.named(3) == ""


def test_only_the_latest_calls_are_remembered() -> None:
    session = Session()
    for call_id in range(KNOWN_CALLS + 1):
        session.begin(call_id, 0, 1)
    assert session.named(0) == ""
    assert session.named(1) == "operation 1"
    session.begin(1, 0, 2)
    session.begin(KNOWN_CALLS + 1, 0, 1)
    assert session.named(1) == "operation 2"
    assert session.named(2) == ""


def test_the_channels_of_a_virtual_connection_share_a_session() -> None:
    sessions = Sessions()
    assert sessions.of("a") is sessions.of("a")
    assert sessions.of("a") is not sessions.of("b")

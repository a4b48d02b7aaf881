"""The one operation of netlogon that foreign tests call."""

from rpch.dcerpc.interface import interface_of
from rpch.testing.netlogon import OK, SERVER_CHALLENGE, ChallengeRequest, ChallengeResponse, Netlogon


def test_messages_on_the_wire() -> None:
    request = ChallengeRequest(None, "a", bytes(8))
    # no server name; maximum 2, offset 0, actual 2, "a" and NUL; the challenge follows without a gap
    wire = bytes.fromhex("00000000 02000000 00000000 02000000 61000000") + bytes(8)
    assert request.encode() == wire
    assert ChallengeRequest.decode(wire) == request
    answer = ChallengeResponse(SERVER_CHALLENGE, OK)
    assert answer.encode() == bytes.fromhex("0001020304050607 00000000")
    assert ChallengeResponse.decode(answer.encode()) == answer


def test_any_challenge_is_answered() -> None:
    found = interface_of(Netlogon).operations[4]
    request = ChallengeRequest("\\\\server", "client", bytes(8))
    assert found.invoke(Netlogon(), None, request) == ChallengeResponse(SERVER_CHALLENGE, OK)  # type: ignore[arg-type]

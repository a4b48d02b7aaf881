from __future__ import annotations

import pytest

from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.dcerpc.security import Continue, Declined, Established, Segments
from rpch.errors import AuthenticationFailed
from rpch.testing.mechanisms import ToyMechanism, ToyProvider

PDU = Segments(b"header", b"body", b"trailer")


def pair(level: AuthLevel, auth_type: AuthType = AuthType.NTLM) -> tuple[ToyMechanism, ToyMechanism]:
    server = ToyProvider().start(auth_type, level)
    assert server is not None
    return ToyMechanism(level, 3 if auth_type is AuthType.NTLM else 4, client=True), server


def test_three_legs_end_with_the_client() -> None:
    client, server = pair(AuthLevel.PKT)
    assert server.step(client.first()) == Continue(b"leg 2:alice")
    assert server.user is None
    assert client.step(b"leg 2:alice") == Established(b"leg 3:alice")
    assert server.step(b"leg 3:alice") == Established()
    assert server.user == client.user == "alice"


def test_four_legs_end_with_the_server() -> None:
    client, server = pair(AuthLevel.PKT, AuthType.NEGOTIATE)
    assert server.step(client.first()) == Continue(b"leg 2:alice")
    assert client.step(b"leg 2:alice") == Continue(b"leg 3:alice")
    assert server.step(b"leg 3:alice") == Established(b"leg 4:alice")
    assert client.step(b"leg 4:alice") == Established()


@pytest.mark.parametrize("token", [b"", b"leg 3:alice", b"nonsense"])
def test_other_tokens_are_declined(token: bytes) -> None:
    _, server = pair(AuthLevel.PKT)
    assert isinstance(server.step(token), Declined)


def test_the_weak_get_no_privacy() -> None:
    server = ToyMechanism(AuthLevel.PKT_PRIVACY, 4, client=False)
    server.step(b"leg 1:weak")
    answer = server.step(b"leg 3:weak")
    assert isinstance(answer, Declined)
    assert answer.too_weak


def test_other_types_are_not_offered() -> None:
    assert ToyProvider().start(AuthType.KERBEROS, AuthLevel.PKT) is None


@pytest.mark.parametrize("level", [AuthLevel.PKT_INTEGRITY, AuthLevel.PKT_PRIVACY])
@pytest.mark.parametrize("signing", [True, False])
def test_what_one_end_protects_the_other_verifies_once(level: AuthLevel, signing: bool) -> None:
    client, server = pair(level)
    body, token = client.protect(PDU, header_signing=signing)
    assert (body == b"body") is (level is AuthLevel.PKT_INTEGRITY)
    received = Segments(b"header", body, b"trailer")
    assert server.verify(received, token, header_signing=signing) == b"body"
    with pytest.raises(AuthenticationFailed):
        server.verify(received, token, header_signing=signing)


def test_headers_are_covered_only_when_that_was_agreed() -> None:
    client, server = pair(AuthLevel.PKT)
    _, token = client.protect(PDU, header_signing=False)
    assert server.verify(Segments(b"HEADER", b"body", b""), token, header_signing=False) == b"body"
    _, token = client.protect(PDU, header_signing=True)
    with pytest.raises(AuthenticationFailed):
        server.verify(Segments(b"HEADER", b"body", b"trailer"), token, header_signing=True)

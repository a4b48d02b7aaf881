from __future__ import annotations

import pytest

from rpch.dcerpc.pdus import AuthLevel, AuthType, Fault, Request, Response
from rpch.dcerpc.server_side import Disconnect, StartCall, StepSecurity
from rpch.errors import LocalProtocolError
from rpch.testing.raw_rpc import (
    UNKNOWN,
    Octets,
    RawClient,
    ToyContext,
    ended,
    endpoint,
    offer,
    started,
)


def test_a_client_binds_calls_and_hears_the_answer() -> None:
    client = RawClient()
    assert client.bind().secondary_address == "135"
    call = started(client.send(Request(2, 0, 1, b"hello")))
    assert (call.opnum, call.stub) == (1, b"hello")
    assert client.finish(2) == [Response(2, 0, b"done", alloc_hint=4)]


@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
def test_a_client_authenticates_in_three_or_four_legs(auth_type: AuthType) -> None:
    client = RawClient(endpoint(secure=True))
    client.bind()
    context = ToyContext(1, AuthLevel.PKT_PRIVACY, auth_type)
    client.authenticate(context)
    assert context.mechanism.established
    call = started(client.send(context.protect(Request(2, 0, 0, b"secret"))))
    assert (call.user, call.stub) == ("alice", b"secret")


def test_mechanisms_wait_when_told_to() -> None:
    client = RawClient(endpoint(secure=True))
    client.bind()
    client.steps = False
    context = ToyContext(1)
    with pytest.raises(LocalProtocolError, match="StepSecurity"):
        client.authenticate(context)


def test_a_refused_bind_is_no_answer_to_go_on_with() -> None:
    with pytest.raises(LocalProtocolError, match="BindNak"):
        RawClient().bind(offer(0), group_id=77)


def test_a_foreign_leg_is_declined() -> None:
    with pytest.raises(LocalProtocolError, match="declined"):
        ToyContext(1).take(b"leg 7:alice")


def test_starting_and_ending_are_told_apart() -> None:
    client = RawClient()
    client.bind(offer(0, UNKNOWN), offer(1))
    seen = client.send(Request(2, 0, 0))
    assert isinstance(seen[0], Fault)
    assert not ended(seen)
    with pytest.raises(LocalProtocolError, match="Fault"):
        started(seen)
    assert ended(client.send(Request(2, 1, 0)) + client.send(Request(3, 1, 0)))
    assert not any(isinstance(one, StartCall | StepSecurity | Disconnect) for one in seen)


def test_octets_mean_themselves() -> None:
    assert Octets.decode(b"abc", little_endian=False).encode() == b"abc"

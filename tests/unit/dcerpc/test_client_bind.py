"""Offers of a client, and which answers it believes."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from rpch.dcerpc.client_bind import (
    Agreement,
    check_answer,
    leg_trailer,
    make_bind,
    read_agreement,
    read_outcome,
    read_token,
)
from rpch.dcerpc.client_events import Authentication, Bound, InterfaceReady, InterfaceRefused, Open
from rpch.dcerpc.pdus import (
    NDR20,
    NDR64,
    WHOLE,
    AlterContext,
    AlterContextResp,
    AuthLevel,
    AuthType,
    BindAck,
    ContextElement,
    ContextResult,
    PfcFlags,
)
from rpch.dcerpc.pdus import SyntaxId as Syntax
from rpch.dcerpc.presentation import Features
from rpch.dcerpc.security import Established, SecurityContext, Segments, Step
from rpch.errors import AuthenticationFailed, DecodeError

MGMT = Syntax(UUID("afa8bd80-7d8a-11c9-bef4-08002b102989"), 1)


class Mechanism:
    """A security context that does nothing."""

    user = None
    token_size = 0

    def step(self, token: bytes) -> Step:
        return Established()

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        return segments.body, b""

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        return segments.body


MECHANISM: SecurityContext = Mechanism()
AUTH = Authentication(MECHANISM, AuthType.NTLM, AuthLevel.PKT_PRIVACY, 3, b"hello")
BIND = make_bind(Open(MGMT), call_id=1, fragment=5840)
ACK = BindAck(
    1,
    (ContextResult(0, 0, NDR20), ContextResult(3, 3)),
    assoc_group_id=0x53F0,
    secondary_address="135",
    flags=WHOLE | PfcFlags.CONC_MPX,
)


def test_a_bind_on_the_wire() -> None:
    # The bind of MS-RPCE 4 that Samba's NDR engine re-packs byte for byte, but for its context ids (1 and 1),
    # of which C706 wants each to be different, and the offer of header signing, which comes with security
    assert BIND.encode() == bytes.fromhex(
        "05000b13 10000000 74000000 01000000 d016d016 00000000 02000000"
        "00000100 80bda8af8a7dc911bef408002b102989 01000000 045d888aeb1cc9119fe808002b104860 02000000"
        "01000100 80bda8af8a7dc911bef408002b102989 01000000 2c1cb76c12984045 0300000000000000 01000000"
    )


def test_a_bind_with_security_offers_header_signing_and_carries_the_token() -> None:
    bind = make_bind(Open(MGMT, group_id=7, auth=AUTH), call_id=9, fragment=2048)
    assert PfcFlags.SUPPORT_HEADER_SIGN in bind.flags
    assert (bind.call_id, bind.assoc_group_id) == (9, 7)
    assert (bind.max_xmit_frag, bind.max_recv_frag) == (2048, 2048)
    assert bind.auth == leg_trailer(AUTH, b"hello")
    assert bind.auth is not None
    assert (bind.auth.auth_type, bind.auth.auth_level, bind.auth.context_id) == (10, 6, 3)


def test_what_a_bind_ack_settles() -> None:
    agreed = read_agreement(BIND, ACK)
    assert agreed == Agreement(0x53F0, 5840, multiplexed=True, features=Features(3), sign_header=False)
    assert agreed.announced() == Bound(0x53F0, 5840, multiplexed=True, features=Features(3))


@pytest.mark.parametrize(
    ("change", "features", "multiplexed", "survives"),
    [
        ({"results": (ContextResult(0, 0, NDR20), ContextResult(3, 0xFF))}, 3, True, True),
        ({"results": (ContextResult(0, 0, NDR20), ContextResult(3, 2))}, 2, True, True),
        ({"results": (ContextResult(0, 0, NDR20), ContextResult(3, 1))}, 1, True, False),
        ({"results": (ContextResult(0, 0, NDR20), ContextResult(2, 1))}, 0, True, False),
        ({"flags": WHOLE}, 3, False, False),
    ],
)
def test_connections_survive_orphans_when_both_ends_agreed(
    change: dict[str, Any], features: int, multiplexed: bool, survives: bool
) -> None:
    agreed = read_agreement(BIND, replace(ACK, **change))
    assert (agreed.features, agreed.multiplexed, agreed.survives_orphans) == (features, multiplexed, survives)


def test_the_smaller_fragment_wins_and_what_the_server_receives_counts() -> None:
    ack = replace(ACK, max_xmit_frag=5000, max_recv_frag=2048)
    assert read_agreement(BIND, ack).fragment == 2048
    assert read_agreement(BIND, replace(ACK, max_recv_frag=65535)).fragment == 5840


@pytest.mark.parametrize("size", [0, 1431])
@pytest.mark.parametrize("field", ["max_xmit_frag", "max_recv_frag"])
def test_fragments_below_the_least_are_refused(field: str, size: int) -> None:
    changed: dict[str, Any] = {field: size}
    with pytest.raises(DecodeError, match="1432"):
        read_agreement(BIND, replace(ACK, **changed))
    changed = {field: 1432}
    assert read_agreement(BIND, replace(ACK, **changed)).fragment <= 5840


def test_header_signing_needs_both() -> None:
    signing = replace(ACK, flags=ACK.flags | PfcFlags.SUPPORT_HEADER_SIGN)
    secured = make_bind(Open(MGMT, auth=AUTH), call_id=1, fragment=5840)
    assert read_agreement(secured, signing).sign_header
    assert not read_agreement(secured, ACK).sign_header
    assert not read_agreement(BIND, signing).sign_header


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flags": PfcFlags.FIRST_FRAG}, "fragmented"),
        ({"call_id": 2}, "call 2 is answered instead of 1"),
        ({"results": (ContextResult(0, 0, NDR20),)}, "1 results for 2"),
        ({"results": (ContextResult(0, 0, NDR20), ContextResult(3, 3), ContextResult(2))}, "3 results for 2"),
        ({"results": (ContextResult(0, 0, NDR64), ContextResult(3, 3))}, "never offered"),
        ({"results": (ContextResult(0), ContextResult(3, 3))}, "never offered"),
    ],
)
def test_answers_that_do_not_fit_their_offer_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        check_answer(BIND, replace(ACK, **change))


def test_an_alter_context_is_answered_like_a_bind() -> None:
    sent = AlterContext(2, (ContextElement(2, MGMT, (NDR20,)),))
    check_answer(sent, AlterContextResp(2, (ContextResult(0, 0, NDR20),)))
    with pytest.raises(DecodeError, match="AlterContextResp is fragmented"):
        check_answer(sent, AlterContextResp(2, (ContextResult(0, 0, NDR20),), flags=PfcFlags.NONE))


def test_an_interface_is_ready_or_refused_with_its_reason() -> None:
    assert read_outcome(MGMT, ContextResult(0, 0, NDR20)) == InterfaceReady(MGMT)
    refused = read_outcome(MGMT, ContextResult(2, 1))
    assert isinstance(refused, InterfaceRefused)
    assert "not offered at this endpoint" in str(refused.why)


def test_the_server_answers_for_the_same_security_context() -> None:
    assert read_token(AUTH, leg_trailer(AUTH, b"again")) == b"again"
    assert read_token(AUTH, None) == b""
    for changed in (
        replace(leg_trailer(AUTH, b"x"), auth_type=AuthType.NEGOTIATE),
        replace(leg_trailer(AUTH, b"x"), auth_level=AuthLevel.CONNECT),
        replace(leg_trailer(AUTH, b"x"), context_id=4),
    ):
        with pytest.raises(AuthenticationFailed, match="not NTLM at PKT_PRIVACY"):
            read_token(AUTH, changed)

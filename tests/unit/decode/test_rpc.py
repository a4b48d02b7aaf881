"""Every RPC PDU is shown field by field, and the fields say what the decoders say.

The bytes are the golden PDUs of MS-RPCE and C706, as servers and clients send them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.dcerpc.pdus import AuthLevel, AuthType, PduType, PfcFlags, Request, Response, SecTrailer, decode_pdu
from rpch.decode.messages import Kind, Message
from rpch.decode.rpc import describe_rpc, flag_names
from rpch.decode.sessions import Session

# Name, bytes, the first line.
GOLDEN: list[tuple[str, str, str]] = [
    (
        "bind",  # two contexts: management in NDR20, and bind-time features
        """05000b17 10000000 74000000 01000000 d016d016 00000000 02000000
        00000100 80bda8af8a7dc911bef408002b102989 01000000 045d888aeb1cc9119fe808002b104860 02000000
        01000100 80bda8af8a7dc911bef408002b102989 01000000 2c1cb76c12984045 0300000000000000 01000000""",
        "call 1, context 0 management, context 1 management",
    ),
    (
        "bind_ack",
        """05000c17 10000000 54000000 01000000 d016d016 f0530000 0400 31333500 0000 02000000
        00000000 045d888aeb1cc9119fe808002b104860 02000000
        03000300 00000000000000000000000000000000 00000000""",
        "call 1, acceptance, negotiate_ack",
    ),
    (
        "alter_context",
        """05000e03 10000000 48000000 02000000 d016d016 f0530000 01000000
        01000100 0883afe11f5dc91191a408002b14a0fa 03000000 045d888aeb1cc9119fe808002b104860 02000000""",
        "call 2, context 1 endpoint mapper",
    ),
    (
        "alter_context_resp",  # it ends a mechanism of three legs: a trailer, though auth_length is 0
        """05000f03 10000000 40000000 02000000 d016d016 f0530000 0000 0000 01000000
        00000000 045d888aeb1cc9119fe808002b104860 02000000 0a050000 01000000""",
        "call 2, acceptance",
    ),
    (
        "bind_nak",
        "05000d03 10000000 18000000 01000000 04000105 00000000",
        "call 1, 4 protocol_version_not_supported",
    ),
    ("rpc_auth_3", "05001003 10000000 20000400 01000000 00000000 0a050000 01000000 4e544c4d", "call 1"),
    ("request", "05000003 10000000 18000000 01000000 00000000 00000000", "call 1, management inq_if_ids"),
    (
        "request",  # with an object UUID
        "05000083 10000000 28000000 03000000 00000000 00000200 80b58f30b21eca11923b08002b1075a7",
        "call 3, management is_server_listening",
    ),
    (
        "response",
        "05000203 10000000 20000000 03000000 08000000 00000000 00000000 01000000",
        "call 3, management is_server_listening",
    ),
    (
        "fault",
        "05000323 10000000 20000000 02000000 20000000 01000000 0200011c 00000000",
        "call 2, OP_RNG_ERROR (0x1c010002)",
    ),
    (
        "fault",  # big-endian
        "05000323 00000000 00200000 00000001 00000020 00000000 1c01000b 00000000",
        "call 1, management inq_if_ids, PROTO_ERROR (0x1c01000b)",
    ),
    (
        "request",  # big-endian
        "05000003 00000000 00200000 00000007 00000008 0001 0004 0000000a 00000064",
        "call 7, endpoint mapper ept_lookup_handle_free",
    ),
    (
        "bind",  # big-endian
        """05000b03 00000000 00480000 00000001 16d016d0 00000000 01 000000 0000 01 00
        afa8bd807d8a11c9bef408002b102989 00000001 8a885d041ceb11c99fe808002b104860 00000002""",
        "call 1, context 0 management",
    ),
    ("co_cancel", "05001203 10000000 10000000 03000000", "call 3"),
    ("orphaned", "05001303 10000000 10000000 03000000", "call 3"),
    ("shutdown", "05001103 10000000 10000000 00000000", "call 0"),
]
WIRES = [bytes.fromhex(wire) for _, wire, _ in GOLDEN]
BIND, BIND_ACK = WIRES[0], WIRES[1]


def values_of(message: Message, name: str) -> list[str]:
    """What all fields of a name say."""
    return [part.value for part in message.parts if part.name == name]


def check_covered(message: Message, *, size: int) -> None:
    """The fields lie one after another, without a gap, from the first byte to the last."""
    at = 0
    for part in message.parts:
        assert part.at == at, part
        at += part.size
    assert at == size


def test_a_conversation_is_shown_pdu_by_pdu() -> None:
    session = Session()
    for (name, _, about), wire in zip(GOLDEN, WIRES, strict=True):
        message = describe_rpc(wire, session, at=40)
        assert (message.kind, message.name, message.about, message.at) == (Kind.RPC, name, about, 40)
        assert message.problem is None
        check_covered(message, size=len(wire))


@pytest.mark.parametrize("wire", WIRES, ids=[name for name, _, _ in GOLDEN])
def test_what_is_shown_is_what_the_decoder_says(wire: bytes) -> None:
    message, pdu = describe_rpc(wire), decode_pdu(wire)
    shown = {part.name: part.value for part in message.parts}
    assert shown["call_id"] == str(pdu.call_id)
    for field in ("max_xmit_frag", "max_recv_frag", "alloc_hint", "opnum", "cancel_count"):
        if hasattr(pdu, field) and field in shown and (pdu_value := getattr(pdu, field)) is not None:
            assert shown[field] == str(pdu_value)
    if hasattr(pdu, "context_id"):
        assert shown["p_cont_id"] == str(pdu.context_id)
    if hasattr(pdu, "assoc_group_id"):
        assert shown["assoc_group_id"] == hex(pdu.assoc_group_id)
    if getattr(pdu, "object_uuid", None) is not None:
        assert shown["object"] == "308fb580-1eb2-11ca-923b-08002b1075a7"
    if getattr(pdu, "stub", b""):
        stubs = [part for part in message.parts if part.name == "stub"]
        assert [part.shown for part in stubs] == [pdu.stub]  # type: ignore[union-attr]
    if getattr(pdu, "auth", None) is not None:
        assert shown["auth_type"] == "10 NTLM"


def test_flags_of_the_bind_family_have_their_own_meaning() -> None:
    assert flag_names(PduType.BIND, 0x17) == "FIRST_FRAG|LAST_FRAG|SUPPORT_HEADER_SIGN|CONC_MPX"
    assert flag_names(PduType.REQUEST, 0x84) == "PENDING_CANCEL|OBJECT_UUID"
    assert flag_names(PduType.FAULT, 0x2B) == "FIRST_FRAG|LAST_FRAG|RESERVED|DID_NOT_EXECUTE"
    assert flag_names(PduType.REQUEST, 0) == "none"


def test_bind_time_features_are_asked_for_and_granted_by_name() -> None:
    both = "SecurityContextMultiplexing|KeepConnectionOnOrphan"
    assert values_of(describe_rpc(BIND), "transfer_syntax")[1] == f"bind time features: {both}"
    assert values_of(describe_rpc(BIND_ACK), "reason") == ["0", both]


def test_a_rejected_context_says_why() -> None:
    rejected = bytearray(BIND_ACK)
    rejected[36:40] = bytes.fromhex("02000100")
    message = describe_rpc(bytes(rejected))
    assert message.about == "call 1, provider_rejection (abstract_syntax_not_supported), negotiate_ack"
    assert values_of(message, "reason")[0] == "1 abstract_syntax_not_supported"
    rejected[36:40] = bytes.fromhex("02006300")
    assert "provider_rejection (99)" in describe_rpc(bytes(rejected)).about
    rejected[36:40] = bytes.fromhex("63000000")
    assert values_of(describe_rpc(bytes(rejected)), "result")[0] == "99"


def test_fragments_are_told_apart() -> None:
    for flags, words in (
        (PfcFlags.FIRST_FRAG, "call 9, first fragment, operation 3"),
        (PfcFlags.NONE, "call 9, middle fragment, operation 3"),
        (PfcFlags.LAST_FRAG, "call 9, last fragment, operation 3"),
    ):
        assert describe_rpc(Request(9, 0, 3, flags=flags).encode()).about == words


@pytest.mark.parametrize(
    ("level", "word"),
    [
        (AuthLevel.CONNECT, ""),
        (AuthLevel.PKT, ", signed"),
        (AuthLevel.PKT_INTEGRITY, ", signed"),
        (AuthLevel.PKT_PRIVACY, ", sealed"),
    ],
)
def test_protection_is_named_and_tokens_are_hidden(level: AuthLevel, word: str) -> None:
    auth = SecTrailer(AuthType.NTLM, level, 1, b"\x01\0\0\0signature...", pad_length=4)
    wire = Request(9, 0, 3, b"stub    ", auth=auth).encode()
    message = describe_rpc(wire)
    assert message.about == f"call 9, operation 3{word}"
    assert values_of(message, "auth_value") == ["token, 16 bytes, not shown"]
    assert [part.shown for part in message.parts if part.name == "auth_value"] == [b""]
    check_covered(message, size=len(wire))
    answer = Response(9, 0, b"stub", auth=auth).encode()
    assert describe_rpc(answer).about == f"call 9{word}"


def test_data_representations_are_spelled_out() -> None:
    odd = WIRES[6][:4] + bytes.fromhex("11020000") + WIRES[6][8:]
    message = describe_rpc(odd)
    assert values_of(message, "packed_drep") == ["little-endian, EBCDIC, Cray"]
    assert message.problem == "data representation 11020000 is not supported, at byte 4"
    strange = WIRES[6][:4] + bytes.fromhex("93090000") + WIRES[6][8:]
    assert values_of(describe_rpc(strange), "packed_drep") == ["integers 9, characters 3, floating point 9"]


def test_an_old_bind_nak_is_a_reason_alone() -> None:
    message = describe_rpc(bytes.fromhex("05000d03 10000000 12000000 01000000 0200"))
    assert message.about == "call 1, 2 local_limit_exceeded"
    assert message.problem is None


def test_a_fault_may_explain_itself_further() -> None:
    wire = bytes.fromhex("05000323 10000000 24000000 02000000 24000000 0000 00 01 ba060000 00000000 61626364")
    message = describe_rpc(wire)
    assert values_of(message, "flags") == ["extended error"]
    assert values_of(message, "extended error") == ["61 62 63 64"]
    assert message.about == "call 2, RPC_S_SERVER_UNAVAILABLE (0x000006ba)"
    short = describe_rpc(bytes.fromhex("05000323 10000000 1c000000 02000000 20000000 00000000 05000000"))
    assert short.problem is None


def test_an_unknown_type_is_shown_by_its_number() -> None:
    message = describe_rpc(bytes.fromhex("05006303 10000000 14000000 02000000 01020304"))
    assert (message.name, message.problem) == ("PTYPE 99", "no known PDU: type 99")
    assert values_of(message, "body") == ["01 02 03 04"]


@pytest.mark.parametrize(
    ("wire", "problem"),
    [
        (WIRES[6][:10], "need 8 bytes, have 2, at byte 8"),
        (BIND[:40], "need 20 bytes, have 8, at byte 32"),
        (BIND[:28] + b"rest", "need 20 bytes, have 0, at byte 32"),
        (WIRES[6][:10] + b"\x10\0" + WIRES[6][12:], "no room for a token of 16 bytes, at byte 24"),
        (WIRES[13] + b"tail", "frag_length is 16, the PDU has 20 bytes, at byte 8"),
        (BIND_ACK[:24] + b"\xff\xff" + BIND_ACK[26:], "need 65535 bytes, have 58, at byte 26"),
    ],
)
def test_what_is_wrong_is_said_with_its_offset(wire: bytes, problem: str) -> None:
    message = describe_rpc(wire)
    assert message.problem == problem
    assert sum(part.size for part in message.parts) <= len(wire)


@pytest.mark.parametrize("wire", WIRES[:10], ids=[name for name, _, _ in GOLDEN[:10]])
def test_a_pdu_cut_short_is_shown_as_far_as_it_goes(wire: bytes) -> None:
    for cut in range(len(wire)):
        message = describe_rpc(wire[:cut])
        assert message.problem is not None
        assert "at byte" in message.problem


@given(st.sampled_from(WIRES), st.binary(max_size=60), st.integers(16, 40))
def test_any_body_can_be_described(wire: bytes, body: bytes, kept: int) -> None:
    data = wire[:kept] + body
    message = describe_rpc(data)
    assert sum(part.size for part in message.parts) <= len(data)

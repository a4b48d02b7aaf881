"""The tokens of SPNEGO."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tests.golden.ntlm_exchanges as kept
from rpch.auth import der
from rpch.auth.spnego_tokens import (
    KERBEROS,
    MS_KERBEROS,
    NEGOEX,
    NTLM,
    SPNEGO,
    NegState,
    NegTokenInit,
    NegTokenResp,
    framed_mechanism,
)
from rpch.errors import DecodeError

INIT_NTLM = bytes.fromhex(
    "60 1c 06 06 2b0601050502"  # GSS framing: SPNEGO
    "a0 12 30 10 a0 0e 30 0c"  # NegTokenInit, its first field: the list
    "06 0a 2b06010401823702020a"  # NTLM
)
SERVER_FIRST = bytes.fromhex(
    "60 5e 06 06 2b0601050502 a0 54 30 52"
    "a0 24 30 22 06 09 2a864882f712010202 06 09 2a864886f712010202 06 0a 2b06010401823702020a"
    "a3 2a 30 28 a0 26 1b 24"  # hints: a name that means nothing
    "6e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265"
)
HINTS = bytes.fromhex("a0261b24") + b"not_defined_in_RFC4178@please_ignore"


@pytest.mark.parametrize(
    ("wire", "token"),
    [
        (INIT_NTLM, NegTokenInit((NTLM,))),
        (SERVER_FIRST, NegTokenInit((MS_KERBEROS, KERBEROS, NTLM), hints=HINTS)),
        (kept.B_INIT, NegTokenInit((NTLM,), kept.B_INIT[-40:])),
    ],
)
def test_first_tokens_are_read_and_encoded_again(wire: bytes, token: NegTokenInit) -> None:
    assert NegTokenInit.decode(wire) == token
    assert token.encode() == wire


@pytest.mark.parametrize(
    ("wire", "token"),
    [
        ("a1153013a0030a0103a10c060a2b06010401823702020a", NegTokenResp(NegState.REQUEST_MIC, NTLM)),
        ("a1073005a0030a0100", NegTokenResp(NegState.ACCEPT_COMPLETED)),
        ("a1073005a0030a0102", NegTokenResp(NegState.REJECT)),
        ("a1023000", NegTokenResp()),
        ("a10c300aa2030401aaa3030401bb", NegTokenResp(token=b"\xaa", mic=b"\xbb")),
    ],
)
def test_later_tokens_are_read_and_encoded_again(wire: str, token: NegTokenResp) -> None:
    assert NegTokenResp.decode(bytes.fromhex(wire)) == token
    assert token.encode().hex() == wire


@pytest.mark.parametrize("wire", [kept.B_CHALLENGE, kept.B_AUTHENTICATE, kept.B_COMPLETED])
def test_recorded_tokens_are_encoded_as_they_were(wire: bytes) -> None:
    assert NegTokenResp.decode(wire).encode() == wire


def test_the_mic_covers_the_list_with_its_tag() -> None:
    expected = "302206092a864882f71201020206092a864886f712010202060a2b06010401823702020a"
    assert NegTokenInit((MS_KERBEROS, KERBEROS, NTLM)).mechanism_list.hex() == expected
    with_negoex = NegTokenInit((MS_KERBEROS, KERBEROS, NEGOEX, NTLM)).mechanism_list
    assert with_negoex.hex() == expected.replace("3022", "302e").replace(
        "060a2b06010401823702020a", "060a2b06010401823702021e060a2b06010401823702020a"
    )


def test_the_mic_covers_the_list_as_it_was_received() -> None:
    odd = bytes.fromhex("30 81 0c 06 0a 2b06010401823702020a")  # a length longer than need be
    wire = der.encode(der.field(0), der.encode(der.SEQUENCE, der.encode(der.field(0), odd)))
    assert NegTokenInit.decode(wire).mechanism_list == odd


def test_a_first_token_may_come_without_framing() -> None:
    assert NegTokenInit.decode(INIT_NTLM[10:]) == NegTokenInit((NTLM,))


@pytest.mark.parametrize("hints", [None, b"\x04\x01\xcc"])
def test_a_mic_stands_behind_the_hints_where_there_are_any(hints: bytes | None) -> None:
    token = NegTokenInit((NTLM,), b"t", b"mic", hints)
    assert NegTokenInit.decode(token.encode()) == token


def test_unused_space_of_rpc_is_filled_with_zeros() -> None:
    assert NegTokenInit.decode(INIT_NTLM + bytes(3)) == NegTokenInit((NTLM,))
    with pytest.raises(DecodeError, match="bytes after the token"):
        NegTokenInit.decode(INIT_NTLM + b"\0\1")


def test_framing_names_the_mechanism() -> None:
    assert framed_mechanism(INIT_NTLM) == SPNEGO
    assert framed_mechanism(der.encode(der.APPLICATION, der.encode(der.OID, KERBEROS) + b"\1\0")) == KERBEROS
    assert framed_mechanism(b"NTLMSSP\0") is None
    assert framed_mechanism(INIT_NTLM[10:]) is None
    assert framed_mechanism(b"") is None


def sequence(*fields: bytes) -> bytes:
    return der.encode(der.field(1), der.encode(der.SEQUENCE, b"".join(fields)))


STATE = bytes.fromhex("a0030a0100")
TOKEN = bytes.fromhex("a2030401aa")


@pytest.mark.parametrize(
    "wire",
    [
        sequence(TOKEN, STATE),
        sequence(STATE, STATE),
        sequence(bytes.fromhex("a4030401aa")),
        sequence(bytes.fromhex("040100")),
        sequence(bytes.fromhex("a0030a0104")),
        sequence(bytes.fromhex("a0020a00")),
        sequence(bytes.fromhex("a0040a020000")),
        sequence(bytes.fromhex("a2030501aa")),
        INIT_NTLM,
    ],
)
def test_misshapen_later_tokens_are_refused(wire: bytes) -> None:
    with pytest.raises(DecodeError):
        NegTokenResp.decode(wire)


def test_first_tokens_without_a_list_or_with_too_long_ones_are_refused() -> None:
    with pytest.raises(DecodeError, match="no list of mechanisms"):
        NegTokenInit.decode(der.encode(der.field(0), der.encode(der.SEQUENCE, TOKEN)))
    assert len(NegTokenInit.decode(NegTokenInit((NTLM,) * 16).encode()).mechanisms) == 16
    with pytest.raises(DecodeError, match="more than 16"):
        NegTokenInit.decode(NegTokenInit((NTLM,) * 17).encode())
    with pytest.raises(DecodeError, match="another mechanism"):
        NegTokenInit.decode(der.encode(der.APPLICATION, der.encode(der.OID, KERBEROS) + INIT_NTLM[10:]))


@pytest.mark.parametrize(
    ("decode", "wire"), [(NegTokenInit.decode, SERVER_FIRST), (NegTokenResp.decode, kept.B_COMPLETED)]
)
def test_a_token_cut_short_anywhere_is_refused(decode: Callable[[bytes], object], wire: bytes) -> None:
    for cut in range(len(wire)):
        with pytest.raises(DecodeError):
            decode(wire[:cut])


def test_tokens_are_not_shown() -> None:
    assert "canary" not in repr((NegTokenInit((NTLM,), b"canary", b"canary"), NegTokenResp(token=b"canary")))

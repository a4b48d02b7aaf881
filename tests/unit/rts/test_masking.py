"""What is masked keeps its shape and loses its secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.dcerpc.pdus import AuthLevel, AuthType, Request, SecTrailer, decode_pdu
from rpch.rts.masking import masked
from rpch.rts.pdus import RtsPdu, decode
from rpch.testing.codecs import every_split
from rpch.testing.rts_samples import CONNECTION, SAMPLES

TOKEN = b"NTLMSSP\0secret!!"
SECURED = Request(7, 0, 3, b"stub data", auth=SecTrailer(AuthType.NTLM, AuthLevel.CONNECT, 1, TOKEN))
PLAIN = Request(8, 0, 3, b"stub data")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.NAME)
def test_an_rts_pdu_keeps_all_but_the_ends_of_its_cookies(sample: RtsPdu) -> None:
    wire = sample.encode()
    result = masked(wire)
    assert len(result) == len(wire)
    assert type(decode(result, legal=[type(sample)])) is type(sample)
    for start in range(0x10, 0x70, 0x10):
        cookie = bytes(range(start, start + 16))
        assert cookie not in result
        assert result.count(cookie[:4] + bytes(12)) == wire.count(cookie)
    assert masked(result) == result


@pytest.mark.parametrize("little_endian", [True, False])
def test_a_token_becomes_zeros_and_the_rest_of_the_pdu_stays(little_endian: bool) -> None:
    wire = SECURED.encode(little_endian=little_endian)
    result = masked(wire)
    assert result == wire[: -len(TOKEN)] + bytes(len(TOKEN))
    decoded = decode_pdu(result)
    assert isinstance(decoded, Request)
    assert decoded.stub == SECURED.stub


def test_a_pdu_without_secrets_stays_as_it_is() -> None:
    assert masked(PLAIN.encode()) == PLAIN.encode()
    assert masked(memoryview(PLAIN.encode())) == PLAIN.encode()
    assert masked(b"") == b""


def test_a_run_is_masked_pdu_by_pdu() -> None:
    run = PLAIN.encode() + SAMPLES[0].encode() + SECURED.encode() + PLAIN.encode()
    result = masked(run)
    assert len(result) == len(run)
    assert CONNECTION.value not in result
    assert TOKEN not in result
    assert result.endswith(PLAIN.encode())


@pytest.mark.parametrize(
    "nonsense",
    [b"Authorization: Basic c2VjcmV0", SAMPLES[0].encode()[:-1], PLAIN.encode()[:12], b"\x05" * 16],
)
def test_what_is_no_whole_pdu_becomes_zeros(nonsense: bytes) -> None:
    assert masked(nonsense) == bytes(len(nonsense))
    assert masked(PLAIN.encode() + nonsense) == PLAIN.encode() + bytes(len(nonsense))


def test_a_size_smaller_than_a_header_ends_the_run() -> None:
    tiny = PLAIN.encode()[:8] + b"\x04\0" + PLAIN.encode()[10:]
    assert masked(tiny) == bytes(len(tiny))


def test_a_token_longer_than_its_pdu_takes_the_body_with_it() -> None:
    lying = PLAIN.encode()[:10] + b"\xff\xff" + PLAIN.encode()[12:]
    assert masked(lying) == lying[:16] + bytes(len(lying) - 16)


def test_an_rts_pdu_that_cannot_be_read_keeps_only_what_was_understood() -> None:
    unknown = SAMPLES[0].encode()[:68] + bytes.fromhex("0f000000 73656372")
    assert masked(unknown)[:20] == unknown[:20]
    assert masked(unknown)[-4:] == bytes(4)
    headless = bytes.fromhex("05001403 10000000 1200 0000 00000000 7365")
    assert masked(headless) == bytes(18)


@given(
    st.lists(st.sampled_from([sample.encode() for sample in SAMPLES]) | st.binary(max_size=40), max_size=5)
)
def test_masking_keeps_the_size_of_anything(parts: list[bytes]) -> None:
    run = b"".join(parts)
    result = masked(run)
    assert len(result) == len(run)
    assert CONNECTION.value not in result


def test_a_torn_run_shows_no_more_than_a_whole_one() -> None:
    for first, second in every_split(SAMPLES[0].encode()):
        assert CONNECTION.value[4:] not in masked(first) + masked(second)

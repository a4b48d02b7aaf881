"""Whatever stands in targets, fields, errors and chunks, only the peer's mistakes are raised."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from rpch.errors import DecodeError
from rpch.http.authenticate import decode_token, read_challenges, read_credentials
from rpch.http.chunks import LAST_CHUNK, ChunkDecoder, encode_chunk
from rpch.http.eeinfo import ErrorParameter, ErrorRecord, ParameterKind, decode_eeinfo, encode_eeinfo
from rpch.http.heads import HttpRefused, ResponseHead, read_response_head
from rpch.http.pragmas import MAX_CONNECTION_TIMEOUT, MIN_CONNECTION_TIMEOUT, Pragmas, read_pragmas
from rpch.http.rpc_error import FORBIDDEN, MAX_PHRASE, RpcError, read_rpc_error
from rpch.http.targets import RpcTarget, read_connect_target, read_proxy_path, read_server

visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
latin = st.text(st.characters(max_codepoint=0xFF), max_size=60)
PIECES = [
    *("/", "rpc", "/rpcproxy.dll", "/rpc/rpcproxy.dll", "http://", "h", "?", "#", ".."),
    *("ex01", ":", "593", "[", "]", "::1", "%", "%3a", "%25", "%2f", "@"),
]
targets = visible | st.lists(st.sampled_from(PIECES)).map("".join)

u16, u32, u64 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
text = st.text(st.characters(codec="utf-16-le", exclude_characters="\0"), max_size=30)
ansi = st.text(st.characters(min_codepoint=1, max_codepoint=0xFF), max_size=30)
parameters = st.one_of(
    st.builds(ErrorParameter, st.just(ParameterKind.ANSI), ansi),
    st.builds(ErrorParameter, st.just(ParameterKind.UNICODE), text),
    st.builds(ErrorParameter, st.just(ParameterKind.LONG), st.integers(-(2**31), 2**31 - 1)),
    st.builds(ErrorParameter, st.just(ParameterKind.SHORT), st.integers(-(2**15), 2**15 - 1)),
    st.builds(ErrorParameter, st.just(ParameterKind.INT64), st.integers(-(2**63), 2**63 - 1)),
    st.builds(ErrorParameter, st.just(ParameterKind.NONE)),
    st.builds(ErrorParameter, st.just(ParameterKind.BINARY), st.binary(max_size=30)),
)
record = st.builds(
    ErrorRecord, u32, u32, u16, u32, u64, st.none() | text, u16, st.lists(parameters, max_size=4).map(tuple)
)
records = st.lists(record, min_size=1, max_size=4).map(tuple)
codes = u32.filter(lambda code: code not in FORBIDDEN)


@given(targets)
def test_targets_are_understood_or_refused(target: str) -> None:
    with contextlib.suppress(HttpRefused):
        read_proxy_path(target)
    with contextlib.suppress(HttpRefused):
        read_connect_target(target)


@given(targets)
def test_a_server_that_is_understood_can_be_asked_for_again(query: str) -> None:
    try:
        target = read_server(query)
    except HttpRefused:
        return
    assert read_server(target.query) == read_server(str(target)) == target


@given(st.ip_addresses() | st.from_regex(r"[a-z0-9][a-z0-9.-]{0,30}", fullmatch=True), st.integers(1, 65_535))
def test_every_server_can_be_asked_for(host: object, port: int) -> None:
    target = RpcTarget(str(host), port)
    assert read_server(target.query) == read_server(str(target)) == target


@given(st.lists(latin, max_size=3))
def test_any_pragma_is_read(values: list[str]) -> None:
    read_pragmas(values)


@given(
    st.builds(
        Pragmas,
        st.none() | st.integers(MIN_CONNECTION_TIMEOUT, MAX_CONNECTION_TIMEOUT),
        st.none() | st.uuids(),
        st.none() | st.uuids(),
    )
)
def test_pragmas_there_and_back(pragmas: Pragmas) -> None:
    assert read_pragmas(pragmas.encode()) == read_pragmas([", ".join(pragmas.encode())]) == pragmas


@given(st.lists(latin | st.text('Basic NTLM,="\\', max_size=30), max_size=3))
def test_any_offer_is_read(values: list[str]) -> None:
    for challenge in read_challenges(values):
        assert challenge.scheme


@given(latin)
def test_any_credentials_are_read(field: str) -> None:
    read_credentials(field)
    with contextlib.suppress(DecodeError):
        decode_token(field)


@given(latin, st.binary(max_size=60), st.integers(100, 999))
def test_any_error_is_read(phrase: str, body: bytes, status: int) -> None:
    read_rpc_error(ResponseHead(status, phrase, "1.0", ()), body)
    read_rpc_error(ResponseHead(503, f"RPC Error: 6ba, EEInfo: {phrase}", "1.0", ()), b"RPC EEInfo:" + body)


@given(codes, records | st.just(()))
def test_errors_there_and_back(code: int, known: tuple[ErrorRecord, ...]) -> None:
    error = RpcError(code, known)
    answer = error.encode()
    found = read_response_head(answer)
    assert found is not None
    assert len(found[0].phrase) <= MAX_PHRASE
    assert read_rpc_error(found[0], answer[found[1] :]) == error


@given(records)
def test_records_there_and_back(known: tuple[ErrorRecord, ...]) -> None:
    assert decode_eeinfo(encode_eeinfo(known)) == known


@given(records, st.data())
def test_a_changed_blob_is_understood_or_refused(known: tuple[ErrorRecord, ...], data: st.DataObject) -> None:
    blob = bytearray(encode_eeinfo(known))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DecodeError):
        decode_eeinfo(bytes(blob))


@given(st.binary(max_size=120))
def test_random_blobs_are_refused(body: bytes) -> None:
    padded = body + bytes(-len(body) % 8)
    head = encode_eeinfo([ErrorRecord(1, 1, 1, 1, 1)])[:8] + len(padded).to_bytes(4, "little") + bytes(4)
    for blob in (body, head + padded):
        with contextlib.suppress(DecodeError):
            decode_eeinfo(blob)


@given(st.lists(st.binary(max_size=20), max_size=6), st.lists(st.integers(0, 150), max_size=4))
def test_chunks_are_joined_however_they_come(pieces: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(map(encode_chunk, pieces)) + LAST_CHUNK
    decoder, content, start = ChunkDecoder(), b"", 0
    for end in [*sorted(cut for cut in cuts if cut < len(wire)), len(wire)]:
        content += decoder.feed(wire[start:end])
        start = end
    assert content == b"".join(pieces)
    assert decoder.finished


@given(st.binary(max_size=60))
def test_random_bytes_are_chunks_or_refused(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        ChunkDecoder().feed(data)

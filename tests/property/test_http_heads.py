"""Whatever a client sends: a head, a refusal, or not enough yet; and nobody else reads it differently."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from rpch.errors import DecodeError
from rpch.http.answers import CONTINUE, challenge_answer, echo_answer, success_head
from rpch.http.channels import ChannelKind, read_channel_request
from rpch.http.heads import (
    HttpRefused,
    RequestHead,
    encode_request_head,
    read_request_head,
    read_response_head,
)
from rpch.http.outcomes import read_outcome
from rpch.http.requests import ChannelHeads, Proof
from rpch.http.rpc_error import RpcError
from rpch.http.targets import RpcTarget

HEADS = ChannelHeads("h", RpcTarget("ex01", 6001))
REQUESTS = [
    HEADS.in_channel(),
    HEADS.out_channel(proof=Proof("Basic dTpw")),
    HEADS.connect(),
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"RPC_OUT_DATA /rpc/rpcproxy.dll?dc:593 HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 76\r\n\r\n",
]
ANSWERS = [
    success_head(131_072),
    echo_answer(),
    CONTINUE,
    challenge_answer(["NTLM"], reuse=True),
    RpcError(5).encode(),
]
# Bytes and lines that smugglers use.
SEASONING = [
    *(bytes([byte]) for byte in b"\r\n \t\0\x0b:,%#?\xa0\x85"),
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Length: 4\r\n",
    b"content-length:5\r\n",
    b"Content-Length : 6\r\n",
    b" Content-Length: 7\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"Expect: 100-continue\r\n",
    b"X: y\r\n",
]

token = st.text("ABCXYZabcxyz0189!#$%&'*+-.^_`|~", min_size=1, max_size=12)
value = st.text([chr(byte) for byte in range(0x20, 0x100) if byte != 0x7F], max_size=20).map(str.strip)


@st.composite
def seasoned(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """A good message with a few bytes changed, inserted or taken away."""
    message = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(message)))
        taken = draw(st.integers(0, 2))
        message = message[:at] + draw(st.sampled_from([*SEASONING, b""])) + message[at + taken :]
    return message


def judged(buffer: bytes, searched: int = 0) -> tuple[RequestHead, int] | HttpRefused | None:
    """What the reader makes of it; nothing but a refusal may be raised."""
    try:
        return read_request_head(buffer, searched=searched)
    except HttpRefused as refused:
        return refused


@given(st.binary(max_size=200))
def test_random_bytes_are_a_head_a_refusal_or_not_enough(data: bytes) -> None:
    judged(data)
    judged(b"RPC_IN_DATA / HTTP/1.1\r\nHost: h\r\n" + data + b"\r\n\r\n")


@given(seasoned(REQUESTS))
def test_how_a_head_is_cut_does_not_decide_about_it(data: bytes) -> None:
    whole = judged(data)
    for cut in range(len(data)):
        part = judged(data[:cut])
        verdict = judged(data, cut) if part is None else part
        if isinstance(whole, HttpRefused):
            assert isinstance(verdict, HttpRefused)
        else:
            assert verdict == whole


def lenient_lengths(head: bytes) -> tuple[list[bytes], list[bytes]]:
    """Lengths and codings as a forgiving reader finds them: any line end, any space, any case."""
    lengths, codings = [], []
    for line in head.replace(b"\r", b"\n").split(b"\n"):
        name, _, found = line.partition(b":")
        if name.strip().lower() == b"content-length":
            lengths += [part.strip() for part in found.split(b",")]
        if name.strip().lower() == b"transfer-encoding":
            codings.append(found.strip().lower())
    return lengths, codings


@given(seasoned(REQUESTS))
@example(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n")
def test_a_forgiving_reader_measures_every_accepted_head_as_we_do(data: bytes) -> None:
    found = judged(data)
    if not isinstance(found, tuple):
        return
    head, size = found
    lengths, codings = lenient_lengths(data[:size])
    assert len(lengths) + len(codings) <= 1
    assert head.content_length == (int(lengths[0]) if lengths else 0)
    assert head.tokens("transfer-encoding") == [coding.decode() for coding in codings]
    assert not (codings and head.method.startswith("RPC_"))


@given(token, st.text("/abc?:%.@[]", min_size=1, max_size=20), st.lists(st.tuples(token, value), max_size=8))
def test_what_we_write_we_read(method: str, target: str, fields: list[tuple[str, str]]) -> None:
    plain = [(name, text) for name, text in fields if name.lower() != "host"]
    data = encode_request_head(method, target, [("Host", "h"), *plain])
    found = judged(data + b"body")
    assert isinstance(found, tuple)
    head, size = found
    assert size == len(data)
    assert (head.method, head.target) == (method, target)
    assert head.headers[1:] == tuple((name.lower(), text) for name, text in plain)


@given(seasoned(REQUESTS))
def test_every_accepted_head_is_a_channel_or_a_refusal(data: bytes) -> None:
    found = judged(data)
    if not isinstance(found, tuple):
        return
    try:
        request = read_channel_request(found[0])
    except HttpRefused:
        return
    assert (request.target is None) is (request.kind is ChannelKind.ECHO or request.problem is not None)


@given(st.binary(max_size=200) | seasoned(ANSWERS), st.booleans())
def test_whatever_a_server_answers_has_a_meaning_or_is_no_answer(data: bytes, tunnel: bool) -> None:
    for cut in range(len(data) + 1):
        try:
            found = read_response_head(data[:cut])
        except DecodeError:
            return
        if found is not None:
            read_outcome(found[0], tunnel=tunnel)
            return

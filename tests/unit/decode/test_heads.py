"""Heads are shown line by line, whatever their faults; credentials are not."""

import pytest

from rpch.decode.heads import describe_head, masked_head, printable, shown_value, split_head
from rpch.decode.messages import Kind
from rpch.http.rpc_error import connect_failed

REQUEST = (
    b"RPC_OUT_DATA /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1\r\n"
    b"Host: proxy\r\n"
    b"Content-Length: 76\r\n"
    b"Authorization: Basic c2VjcmV0OnNlY3JldA==\r\n"
    b"Cookie: OutlookSession=secret\r\n"
    b"\r\n"
)
NTLM = "NTLM TlRMTVNTUAADAAAAcGFzc3dvcmQ="  # an AUTHENTICATE_MESSAGE, as far as its first bytes go


def test_a_head_is_shown_with_the_offset_of_each_line() -> None:
    message = describe_head(REQUEST, at=9)
    assert (message.kind, message.at) == (Kind.HEAD, 9)
    assert message.name == "RPC_OUT_DATA /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1"
    assert message.about == "Content-Length 76, Basic, credentials not shown"
    assert [(part.at, part.name, part.value) for part in message.parts] == [
        (0, "start line", "RPC_OUT_DATA /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1"),
        (51, "Host", "proxy"),
        (64, "Content-Length", "76"),
        (84, "Authorization", "Basic, credentials not shown"),
        (127, "Cookie", "not shown"),
    ]
    for part in message.parts:
        assert REQUEST[part.at : part.at + part.size].count(b"\r\n") == 0
        assert b"secret" not in part.shown


def test_a_masked_head_has_the_same_size_and_no_secrets() -> None:
    masked = masked_head(REQUEST)
    assert len(masked) == len(REQUEST)
    assert b"c2Vj" not in masked
    assert b"secret" not in masked
    assert b"Authorization: Basic xxxxxxxxxx" in masked
    assert masked.startswith(REQUEST[:84])
    assert masked_head(masked) == masked


def test_a_masked_head_keeps_offers_and_hides_challenges() -> None:
    head = (
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\n"
        b'WWW-Authenticate: Basic realm="x"\r\nWWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n\r\n'
    )
    masked = masked_head(head)
    assert b'WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm="x"\r\n' in masked
    assert b"TlRM" not in masked
    assert len(masked) == len(head)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("host", "proxy", "proxy"),
        ("authorization", "Basic c2VjcmV0", "Basic, credentials not shown"),
        ("authorization", "Bearer secret", "Bearer, credentials not shown"),
        ("authorization", NTLM, "NTLM, NTLM AUTHENTICATE_MESSAGE, 20 bytes, not shown"),
        ("proxy-authorization", "Negotiate !!", "Negotiate, not base64, not shown"),
        ("authorization", "NTLM", "NTLM"),
        ("www-authenticate", 'Basic realm="x"', 'Basic realm="x"'),
        ("www-authenticate", "NTLM TlRMTVNTUAACAAAA", "NTLM, NTLM CHALLENGE_MESSAGE, 12 bytes, not shown"),
        ("cookie", "a=b", "not shown"),
        ("set-cookie", "a=b; path=/", "not shown"),
    ],
)
def test_values_are_shown_without_secrets(name: str, value: str, shown: str) -> None:
    assert shown_value(name, value) == shown


def test_a_refusal_says_what_it_means() -> None:
    error = connect_failed(0x6BA, process_id=1, timestamp=0)
    head = error.encode().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert describe_head(head).about.startswith(
        "RPC_S_SERVER_UNAVAILABLE (0x000006ba), "
        "RPC_S_SERVER_UNAVAILABLE (0x000006ba) at place 1440 of component 14"
    )
    plain = describe_head(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    assert plain.about == "Content-Length 0"
    assert describe_head(b"HTTP/9 nonsense\r\n\r\n").about == ""


def test_the_parts_of_a_head_are_found() -> None:
    head = split_head(REQUEST)
    assert (head.method, head.is_response, head.content_length, head.chunked) == (
        "RPC_OUT_DATA",
        False,
        76,
        False,
    )
    answer = split_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n")
    assert (answer.is_response, answer.status, answer.chunked, answer.content_length) == (
        True,
        200,
        True,
        None,
    )


@pytest.mark.parametrize("start", [b"", b"GET", b"HTTP/1.1", b"HTTP/1.1 abc x", b"\xff\xfe"])
def test_a_broken_start_line_is_shown_all_the_same(start: bytes) -> None:
    head = split_head(start + b"\r\nno colon\r\nContent-Length: twelve\r\n\r\n")
    assert (head.status, head.content_length) == (0, None)
    assert describe_head(start + b"\r\nno colon\r\n\r\n").parts[-1].name == "no colon"


def test_an_absurd_length_is_none() -> None:
    assert split_head(b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n").content_length is None


def test_control_bytes_never_reach_the_terminal() -> None:
    assert printable("a\x1b[31mb\x9bc\x7f") == "a?[31mb?c?"
    message = describe_head(b"GET /\x1b[2J HTTP/1.1\r\nX\x07: \x1b]0;x\r\n\r\n")
    shown = message.name + message.about + "".join(part.name + part.value for part in message.parts)
    assert shown.isprintable()


def test_chunks_are_announced() -> None:
    assert describe_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").about == "chunked"

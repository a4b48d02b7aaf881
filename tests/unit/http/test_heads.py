"""Heads: what is read, what is refused, whole and split at every point."""

from __future__ import annotations

import pytest

from rpch.errors import DecodeError, LocalProtocolError
from rpch.http.heads import (
    HeadLimits,
    HttpRefused,
    RequestHead,
    ResponseHead,
    encode_request_head,
    encode_response_head,
    read_request_head,
    read_response_head,
)
from rpch.testing.codecs import every_split

IN_DATA = (
    b"RPC_IN_DATA /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1\r\n"
    b"Accept: application/rpc\r\n"
    b"Cache-Control: no-cache\r\n"
    b"Connection: Keep-Alive\r\n"
    b"Content-Length: 1073741824\r\n"
    b"Host: rpcproxy.example.com\r\n"
    b"Pragma: No-cache\r\n"
    b"User-Agent: MSRPC\r\n"
    b"Pragma: MinConnTimeout=900\r\n"
    b"\r\n"
)
CONN_B1_START = bytes.fromhex("05 00 14 03 10 00 00 00 68 00 00 00 0d0a0d0a 0000")


def request(*fields: bytes, line: bytes = b"RPC_IN_DATA /rpc/rpcproxy.dll?ex01:6001 HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"Host: h", *fields, b"", b""])


def read(data: bytes) -> RequestHead:
    found = read_request_head(data)
    assert found is not None
    assert found[1] == len(data)
    return found[0]


def refusal(data: bytes) -> HttpRefused:
    with pytest.raises(HttpRefused) as caught:
        read_request_head(data)
    return caught.value


def test_a_request_head_of_the_specification() -> None:
    head = read(IN_DATA)
    assert (head.method, head.target, head.version) == ("RPC_IN_DATA", "/rpc/rpcproxy.dll?ex01:6001", "1.1")
    assert head.headers[:2] == (("accept", "application/rpc"), ("cache-control", "no-cache"))
    assert head.get("content-length") == "1073741824"
    assert head.get("pragma") == "No-cache"
    assert head.all("pragma") == ["No-cache", "MinConnTimeout=900"]
    assert head.get("authorization") is None
    assert head.content_length == 1_073_741_824


def test_the_body_is_left_where_it_is() -> None:
    assert read_request_head(IN_DATA + CONN_B1_START) == (read(IN_DATA), len(IN_DATA))


def test_a_head_split_anywhere_is_incomplete_and_then_the_same() -> None:
    for first, second in every_split(IN_DATA):
        assert not second or read_request_head(first) is None
        whole = bytearray(first + second + CONN_B1_START)
        assert read_request_head(whole, searched=len(first)) == (read(IN_DATA), len(IN_DATA))


def test_an_empty_buffer_is_incomplete() -> None:
    assert read_request_head(b"") is None


# Origin: RFC 9112 and the request smuggling literature (CL.TE, TE.CL, TE.TE, CL.CL, line ends, folding,
# spaces around the colon), each as an RPC request.
SMUGGLED = {
    "length and coding": (request(b"Content-Length: 76", b"Transfer-Encoding: chunked"), "LengthAndCoding"),
    "coding and length": (request(b"Transfer-Encoding: chunked", b"Content-Length: 76"), "LengthAndCoding"),
    "length and coding in another case": (
        request(b"CONTENT-LENGTH: 76", b"transfer-encoding: CHUNKED"),
        "LengthAndCoding",
    ),
    "length and an empty coding": (request(b"Content-Length: 76", b"Transfer-Encoding:"), "LengthAndCoding"),
    "length and identity": (
        request(b"Content-Length: 76", b"Transfer-Encoding: identity"),
        "LengthAndCoding",
    ),
    "two lengths": (request(b"Content-Length: 76", b"Content-Length: 120"), "RepeatedLength"),
    "the same length twice": (request(b"Content-Length: 76", b"Content-Length: 76"), "RepeatedLength"),
    "a list of lengths": (request(b"Content-Length: 76, 120"), "RepeatedLength"),
    "a list of equal lengths": (request(b"Content-Length: 76, 76"), "RepeatedLength"),
    "a length with a sign": (request(b"Content-Length: +76"), "BadLength"),
    "a negative length": (request(b"Content-Length: -1"), "BadLength"),
    "a hexadecimal length": (request(b"Content-Length: 0x4c"), "BadLength"),
    "a length with a space inside": (request(b"Content-Length: 7 6"), "BadLength"),
    "a length with an underscore": (request(b"Content-Length: 1_0"), "BadLength"),
    "a length with a fraction": (request(b"Content-Length: 76.0"), "BadLength"),
    "an empty length": (request(b"Content-Length:"), "BadLength"),
    "a length of digits of another script": (request("Content-Length: ٣".encode()), "BadLength"),
    "a length of twenty digits": (request(b"Content-Length: " + b"1" * 20), "BadLength"),
    "a coding on a channel": (request(b"Transfer-Encoding: chunked"), "CodingOnChannel"),
    "any coding on a channel": (request(b"Transfer-Encoding: xchunked"), "CodingOnChannel"),
    "a coding before HTTP/1.1": (
        request(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0"),
        "UnknownCoding",
    ),
    "another coding": (request(b"Transfer-Encoding: gzip", line=b"POST / HTTP/1.1"), "UnknownCoding"),
    "two codings": (request(b"Transfer-Encoding: gzip, chunked", line=b"POST / HTTP/1.1"), "UnknownCoding"),
    "a coding twice": (
        request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1"),
        "UnknownCoding",
    ),
    "a quoted coding": (request(b'Transfer-Encoding: "chunked"', line=b"POST / HTTP/1.1"), "UnknownCoding"),
    "a coding with a vertical tab": (request(b"Transfer-Encoding: \x0bchunked"), "ControlByte"),
    "a space before the colon": (request(b"Content-Length : 76"), "Grammar"),
    "a tab before the colon": (request(b"Transfer-Encoding\t: chunked"), "Grammar"),
    "a field without a colon": (request(b"X"), "Grammar"),
    "a field without a name": (request(b": 76"), "Grammar"),
    "a field name in brackets": (request(b"[Content-Length]: 76"), "Grammar"),
    "a folded field": (request(b"X: a", b" Content-Length: 76"), "FoldedField"),
    "a folded coding": (request(b"Transfer-Encoding:", b"\tchunked"), "FoldedField"),
    "a fold before the first field": (request(line=b"RPC_IN_DATA / HTTP/1.1\r\n X: y"), "FoldedField"),
    "all lines end in LF": (IN_DATA.replace(b"\r\n", b"\n"), "LineEnd"),
    "one line ends in LF": (request(b"X: a\nContent-Length: 76"), "LineEnd"),
    "the head ends in LF": (request()[:-2] + b"\n", "LineEnd"),
    "one line ends in CR": (request(b"X: a\rContent-Length: 76"), "LineEnd"),
    "two CR": (request(b"X: a\r"), "LineEnd"),
    "a NUL in a value": (request(b"X: a\0b"), "ControlByte"),
    "a backspace in a value": (request(b"X: a\x08b"), "ControlByte"),
    "a form feed in a value": (request(b"X: a\x0cb"), "ControlByte"),
    "a delete in a value": (request(b"X: a\x7fb"), "ControlByte"),
    "a NUL in a name": (request(b"Content-Length\0: 76"), "ControlByte"),
    "no host": (b"RPC_IN_DATA / HTTP/1.1\r\n\r\n", "Host"),
    "two hosts": (request(b"Host: other"), "Host"),
    "two hosts in HTTP/1.0": (request(b"Host: other", line=b"RPC_IN_DATA / HTTP/1.0"), "Host"),
    "two Authorizations": (request(b"Authorization: a", b"Authorization: b"), "RepeatedAuthorization"),
    "two spaces in the request line": (request(line=b"RPC_IN_DATA  / HTTP/1.1"), "Grammar"),
    "a tab in the request line": (request(line=b"RPC_IN_DATA\t/ HTTP/1.1"), "Grammar"),
    "a space behind the version": (request(line=b"RPC_IN_DATA / HTTP/1.1 "), "Grammar"),
    "no version": (request(line=b"RPC_IN_DATA /"), "Grammar"),
    "a target of other bytes": (request(line=b"RPC_IN_DATA /\xc3\xa4 HTTP/1.1"), "Grammar"),
    "a method that is no token": (request(line=b"RPC(IN) / HTTP/1.1"), "Grammar"),
    "a version in lower case": (request(line=b"RPC_IN_DATA / http/1.1"), "Grammar"),
    "HTTP/1.2": (request(line=b"RPC_IN_DATA / HTTP/1.2"), "HttpVersion"),
    "HTTP/0.9": (request(line=b"RPC_IN_DATA / HTTP/0.9"), "HttpVersion"),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", "HttpVersion"),
    "an empty line first": (b"\r\n" + request(), "EmptyLine"),
    "TLS on a plain port": (bytes.fromhex("16 03 01 02 00 01 00 01 fc 03 03"), "ControlByte"),
    "an RTS PDU without a head": (bytes.fromhex("05 00 14 03 10 00 00 00"), "ControlByte"),
}


@pytest.mark.parametrize(("data", "rule"), SMUGGLED.values(), ids=list(SMUGGLED))
def test_what_two_readers_might_read_differently_is_refused(data: bytes, rule: str) -> None:
    refused = refusal(data)
    assert refused.rule == rule
    assert 400 <= refused.status < 600


@pytest.mark.parametrize("data", [data for data, _ in SMUGGLED.values()], ids=list(SMUGGLED))
def test_splitting_a_refused_head_does_not_get_it_through(data: bytes) -> None:
    for first, second in every_split(data):
        with pytest.raises(HttpRefused):
            read_in_two(first, second)


def read_in_two(first: bytes, second: bytes) -> object:
    return read_request_head(first) or read_request_head(first + second, searched=len(first))


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("LengthAndCoding", 400),
        ("CodingOnChannel", 411),
        ("UnknownCoding", 501),
        ("HttpVersion", 505),
    ],
)
def test_the_status_says_what_kind_of_mistake_it_was(rule: str, status: int) -> None:
    assert {refusal(data).status for data, found in SMUGGLED.values() if found == rule} == {status}


def test_a_refusal_does_not_quote_what_it_refuses() -> None:
    refused = refusal(request(b"Authorization : Basic c2VjcmV0"))
    assert refused.rule == "Grammar"
    assert "c2VjcmV0" not in f"{refused} {refused.__cause__} {refused.args}"
    assert refused.__suppress_context__


def test_a_bare_line_feed_is_refused_before_the_head_is_complete() -> None:
    assert refusal(b"GET / HTTP/1.1\n").rule == "LineEnd"
    assert read_request_head(b"GET / HTTP/1.1\r") is None


def test_a_web_request_may_be_chunked() -> None:
    head = read(request(b"Transfer-Encoding: Chunked", line=b"POST /mapi/emsmdb HTTP/1.1"))
    assert head.tokens("transfer-encoding") == ["chunked"]
    assert head.content_length == 0


@pytest.mark.parametrize("length", [b"0", b"4", b"0076", b"9223372036854775807"])
def test_a_length_is_digits(length: bytes) -> None:
    assert read(request(b"Content-Length: " + length)).content_length == int(length)


def test_a_request_of_http_1_0_needs_no_host() -> None:
    # Samba asks in HTTP/1.0, with keep-alive.
    head = read(b"RPC_OUT_DATA /rpc/rpcproxy.dll?dc:593 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert head.version == "1.0"
    assert head.keep_alive


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", None, True),
        ("1.1", "Keep-Alive", True),
        ("1.1", "close", False),
        ("1.1", "keep-alive, Close", False),
        ("1.0", None, False),
        ("1.0", "Keep-Alive", True),
        ("1.0", "TE, keep-alive", True),
        ("1.0", "keep-alive, close", False),
    ],
)
def test_who_keeps_the_connection(version: str, connection: str | None, kept: bool) -> None:
    headers = () if connection is None else (("connection", connection),)
    assert RequestHead("GET", "/", version, headers).keep_alive is kept
    assert ResponseHead(200, "OK", version, headers).keep_alive is kept


@pytest.mark.parametrize(
    ("version", "expect", "waits"),
    [("1.1", "100-continue", True), ("1.1", "100-Continue", True), ("1.0", "100-continue", False)],
)
def test_who_waits_for_continue(version: str, expect: str, waits: bool) -> None:
    assert RequestHead("GET", "/", version, (("expect", expect),)).expect_continue is waits
    assert not RequestHead("GET", "/", version, (("expect", "coffee"),)).expect_continue


def test_a_hundred_fields_are_enough() -> None:
    assert len(read(request(*[b"X: y"] * 99)).headers) == 100
    assert refusal(request(*[b"X: y"] * 100)).rule == "HeadFields"
    assert refusal(request(*[b"X: y"] * 100)[:-2]).rule == "HeadFields"


def filled_to(size: int, *fields: bytes) -> bytes:
    short = request(*fields, b"X: ")
    return request(*fields, b"X: " + b"y" * (size - len(short)))


def test_sixteen_kibibytes_are_enough() -> None:
    assert read(filled_to(16_384)).get("x") is not None
    refused = refusal(filled_to(16_385))
    assert (refused.rule, refused.status) == ("HeadSize", 431)


def test_an_endless_head_is_refused_while_it_comes() -> None:
    assert read_request_head(b"A" * 16_384) is None
    assert refusal(b"A" * 16_500).rule == "HeadSize"


def test_a_kerberos_ticket_has_its_own_limit() -> None:
    ticket = b"AUTHORIZATION: Negotiate " + b"A" * 90_000
    assert len(read(filled_to(16_384 + len(ticket) + 2, ticket)).get("authorization") or "") > 90_000
    assert refusal(filled_to(16_385 + len(ticket) + 2, ticket)).rule == "HeadSize"
    assert read_request_head(request(ticket)[:-3]) is None
    assert read_request_head(request(ticket)[:60_000]) is None
    assert refusal(request(ticket + b"A" * 9_000)).rule == "HeadSize"
    assert refusal(request(ticket + b"A" * 9_000)[:-9]).rule == "HeadSize"


def test_limits_can_be_lowered() -> None:
    limits = HeadLimits(size=64, authorization=32, fields=2)
    line = b"GET / HTTP/1.1"
    assert read_request_head(request(line=line), limits=limits) is not None
    with pytest.raises(HttpRefused):
        read_request_head(request(b"A: b", b"C: d", line=line), limits=limits)
    with pytest.raises(HttpRefused):
        read_request_head(request(b"A: " + b"b" * 64, line=line), limits=limits)


def test_values_keep_every_byte() -> None:
    head = read(request(b"X: caf\xe9 \xff", b"Y:  two  words\t", b"Z:"))
    assert (head.get("x"), head.get("y"), head.get("z")) == ("café \xff", "two  words", "")


def test_credentials_are_not_shown() -> None:
    head = read(request(b"Authorization: Basic c2VjcmV0", b"Cookie: c2VjcmV0", b"X: y"))
    assert "c2VjcmV0" not in repr(head)
    assert "x: 'y'" in repr(head)
    answer = ResponseHead(401, "Unauthorized", "1.1", (("www-authenticate", "NTLM c2VjcmV0"),))
    assert "c2VjcmV0" not in repr(answer)
    assert "401" in repr(answer)


UNAUTHORIZED = (
    b"HTTP/1.1 401 Unauthorized\r\n"
    b"WWW-Authenticate: NTLM TlRMTVNTUAAC\r\n"
    b'www-authenticate: Basic realm="x"\r\n'
    b"Content-Length: 3\r\n"
    b"\r\n"
)


def read_answer(data: bytes) -> ResponseHead:
    found = read_response_head(data)
    assert found is not None
    return found[0]


def test_a_response_head() -> None:
    found = read_response_head(UNAUTHORIZED + b"no!")
    assert found is not None
    head, size = found
    assert size == len(UNAUTHORIZED)
    assert (head.status, head.phrase, head.version) == (401, "Unauthorized", "1.1")
    assert head.all("www-authenticate") == ["NTLM TlRMTVNTUAAC", 'Basic realm="x"']


def test_a_response_split_anywhere_is_incomplete_and_then_the_same() -> None:
    for first, second in every_split(UNAUTHORIZED):
        assert not second or read_response_head(first) is None
        found = read_response_head(bytearray(first + second))
        assert found == (read_answer(UNAUTHORIZED), len(UNAUTHORIZED))


@pytest.mark.parametrize(
    ("line", "status", "phrase"),
    [
        (b"HTTP/1.1 200 Success", 200, "Success"),
        (b"HTTP/1.0 503 RPC Error: 6ba", 503, "RPC Error: 6ba"),
        (b"HTTP/1.1 200", 200, ""),
        (b"HTTP/1.1 200 ", 200, ""),
        ("HTTP/1.1 503 Dienst nicht verfügbar".encode(), 503, "Dienst nicht verfügbar"),  # localised IIS
        (b"HTTP/1.1 503 nicht verf\xfcgbar", 503, "nicht verfügbar"),
        (b"HTTP/1.1 503 a\x1b[2Jb", 503, "a?[2Jb"),
    ],
)
def test_status_lines(line: bytes, status: int, phrase: str) -> None:
    head = read_answer(line + b"\r\n\r\n")
    assert (head.status, head.phrase) == (status, phrase)


def test_fields_that_make_no_sense_do_not_spoil_a_success() -> None:
    head = read_answer(
        b"HTTP/1.1 200 Success\r\nno colon\r\n: no name\r\n folded\r\nContent-Length: many\r\nX : y\r\n\r\n"
    )
    assert head.status == 200
    assert head.headers == (("content-length", "many"), ("x", "y"))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 0200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\r\n\r\n",
        bytes.fromhex("05 00 14 03"),
    ],
)
def test_what_is_no_response_is_no_response(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_response_head(data)


def test_an_endless_response_head_is_refused() -> None:
    endless = b"HTTP/1.1 200 OK\r\nX: " + b"y" * 131_072
    with pytest.raises(DecodeError):
        read_response_head(endless)
    with pytest.raises(DecodeError):
        read_response_head(endless + b"\r\n\r\n")


def test_heads_are_written_as_given() -> None:
    assert encode_request_head("GET", "/", [("Host", "h"), ("X", "")], version="1.0") == (
        b"GET / HTTP/1.0\r\nHost: h\r\nX: \r\n\r\n"
    )
    assert encode_response_head(200, "Success", [("X", "café")]) == (
        b"HTTP/1.1 200 Success\r\nX: caf\xe9\r\n\r\n"
    )


@pytest.mark.parametrize(
    "field",
    [
        ("X", "a\r\nY: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0b"),
        ("X", " a"),
        ("X", "a\t"),
        ("X", "€"),
        ("X: a\r\nY", "b"),
        ("", "a"),
        ("X Y", "a"),
    ],
    ids=repr,
)
def test_no_field_can_smuggle_another(field: tuple[str, str]) -> None:
    with pytest.raises(LocalProtocolError):
        encode_request_head("GET", "/", [field])
    with pytest.raises(LocalProtocolError):
        encode_response_head(200, "OK", [field])


@pytest.mark.parametrize(
    ("method", "target"), [("G ET", "/"), ("", "/"), ("GET", ""), ("GET", "/a b"), ("GET", "/ä")]
)
def test_no_request_line_can_smuggle(method: str, target: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_request_head(method, target, [])


@pytest.mark.parametrize(("status", "phrase"), [(99, "OK"), (1000, "OK"), (200, "O\r\nK"), (200, "€")])
def test_no_status_line_can_smuggle(status: int, phrase: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_response_head(status, phrase, [])


@pytest.mark.parametrize(
    ("url", "host", "agree"),
    [
        ("http://mail.example/rpc", "mail.example", True),
        ("https://Mail.Example:443/rpc", "mail.example", True),
        ("https://mail.example/rpc", "mail.example:443", True),
        ("HTTP://mail.example", "mail.example", True),
        ("https://mail.example:80/rpc", "mail.example", False),
        ("http://other.example/rpc", "mail.example", False),
        ("http://mail.example.other/rpc", "mail.example", False),
    ],
)
def test_a_url_and_the_host_beside_it_are_of_one_mind(url: str, host: str, agree: bool) -> None:
    head = f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    if agree:
        assert read_request_head(head) is not None
    else:
        with pytest.raises(HttpRefused, match="Host"):
            read_request_head(head)

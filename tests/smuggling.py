"""Requests that two readers may cut differently, each with another request hidden in it.

The hidden request says that it comes from `SMUGGLER`. Our proxy believes that of a relay, and every relay of
ours writes its own over what a client says: so whoever finds this address in the log has found bytes that the
proxy took for a request and no relay did.  RFC 9112 11.2
"""

from __future__ import annotations

from dataclasses import dataclass

SMUGGLER = "203.0.113.66"
HIDDEN = (
    b"RPC_OUT_DATA /rpc/rpcproxy.dll?hidden:1 HTTP/1.1\r\nHost: p\r\n"
    b"X-Forwarded-For: " + SMUGGLER.encode() + b"\r\nContent-Length: 76\r\n\r\n" + bytes(76)
)
SIZE = str(len(HIDDEN)).encode()
WEB, RPC = b"/healthz", b"/rpc/rpcproxy.dll?server:593"


@dataclass(frozen=True)
class Ambiguous:
    """What a client sends, and the rule that refuses it where nothing is in between."""

    name: str
    data: bytes
    rule: str


def web(*fields: bytes, method: bytes = b"POST", version: bytes = b"1.1", body: bytes = HIDDEN) -> bytes:
    """A request to the web application."""
    return _request(method, WEB, version, fields, body)


def rpc(*fields: bytes, target: bytes = RPC, version: bytes = b"1.1", body: bytes = HIDDEN) -> bytes:
    """A request to the RPC proxy."""
    return _request(b"RPC_OUT_DATA", target, version, fields, body)


def _request(method: bytes, target: bytes, version: bytes, fields: tuple[bytes, ...], body: bytes) -> bytes:
    head = [b"%b %b HTTP/%b" % (method, target, version), *fields]
    if not any(field.lower().startswith(b"host") for field in fields):
        head.insert(1, b"Host: p")
    return b"\r\n".join(head) + b"\r\n\r\n" + body


LENGTH, NO_LENGTH, CHUNKED = b"Content-Length: " + SIZE, b"Content-Length: 0", b"Transfer-Encoding: chunked"
LAST_CHUNK = b"0\r\n\r\n"
CHUNKS = LAST_CHUNK + HIDDEN

CORPUS = [
    Ambiguous("a length before a coding", web(LENGTH, CHUNKED, body=CHUNKS), "LengthAndCoding"),
    Ambiguous("a coding before a length", web(CHUNKED, NO_LENGTH, body=CHUNKS), "LengthAndCoding"),
    Ambiguous("a channel with both", rpc(LENGTH, CHUNKED, body=CHUNKS), "LengthAndCoding"),
    Ambiguous("two lengths", web(NO_LENGTH, LENGTH), "RepeatedLength"),
    Ambiguous("two lengths of a channel", rpc(b"Content-Length: 76", NO_LENGTH), "RepeatedLength"),
    Ambiguous("the same length twice", web(NO_LENGTH, NO_LENGTH), "RepeatedLength"),
    Ambiguous("a list of lengths", web(b"Content-Length: 0, " + SIZE), "RepeatedLength"),
    Ambiguous("a length with a sign", web(b"Content-Length: +" + SIZE), "BadLength"),
    Ambiguous("a negative length", web(b"Content-Length: -1"), "BadLength"),
    Ambiguous("a hexadecimal length", web(b"Content-Length: 0x0"), "BadLength"),
    Ambiguous("a length with a space in it", web(b"Content-Length: 0 " + SIZE), "BadLength"),
    Ambiguous("an empty length", web(b"Content-Length:"), "BadLength"),
    Ambiguous("a length beyond 64 bits", web(b"Content-Length: 18446744073709551616"), "BadLength"),
    Ambiguous("a chunked channel", rpc(CHUNKED, body=CHUNKS), "CodingOnChannel"),
    Ambiguous("an unknown coding", web(b"Transfer-Encoding: xchunked", body=CHUNKS), "UnknownCoding"),
    Ambiguous(
        "a list of codings", web(b"Transfer-Encoding: identity, chunked", body=CHUNKS), "UnknownCoding"
    ),
    Ambiguous("the coding twice", web(CHUNKED, CHUNKED, body=CHUNKS), "UnknownCoding"),
    Ambiguous("a coding in HTTP/1.0", web(CHUNKED, version=b"1.0", body=CHUNKS), "UnknownCoding"),
    Ambiguous("a coding behind a tab", web(b"Transfer-Encoding:\x0bchunked", body=CHUNKS), "ControlByte"),
    Ambiguous("a folded length", web(b"Content-Length:", b" " + SIZE), "FoldedField"),
    Ambiguous("a folded coding", web(b"X: y", b"\tTransfer-Encoding: chunked", body=CHUNKS), "FoldedField"),
    Ambiguous("a bare LF", web(b"X: y\nTransfer-Encoding: chunked", body=CHUNKS), "LineEnd"),
    Ambiguous("a head that ends in bare LFs", web(b"X: y\n\n" + HIDDEN), "LineEnd"),
    Ambiguous("a bare CR", web(b"X: y\rContent-Length: " + SIZE), "LineEnd"),
    Ambiguous("a space before a colon", web(b"Content-Length : " + SIZE), "Grammar"),
    Ambiguous(
        "a space before the coding's colon", web(b"Transfer-Encoding : chunked", body=CHUNKS), "Grammar"
    ),
    Ambiguous("a field without a colon", web(b"Content-Length 0"), "Grammar"),
    Ambiguous("a NUL", web(b"X: y\0z"), "ControlByte"),
    Ambiguous("an empty line first", b"\r\n" + rpc(NO_LENGTH), "EmptyLine"),
    Ambiguous("no host", _request(b"GET", WEB, b"1.1", (b"Hostess: p",), HIDDEN), "Host"),
    Ambiguous("two hosts", web(b"Host: p", b"Host: q", NO_LENGTH), "Host"),
    Ambiguous("a URL of another host", rpc(NO_LENGTH, target=b"http://q" + RPC), "Host"),
    Ambiguous(
        "line ends in a server's name",
        rpc(
            b"Content-Length: 76",
            target=RPC + b"%0d%0a%0d%0a" + HIDDEN.split(b" HTTP")[0].replace(b" ", b"%20"),
        ),
        "ServerName",
    ),
    Ambiguous("an encoded slash", rpc(NO_LENGTH, target=b"/rpc%2frpcproxy.dll?server:593"), "Path"),
    Ambiguous("a huge field", web(b"X: " + b"y" * 20_000, NO_LENGTH), "HeadSize"),
    Ambiguous("very many fields", web(*[b"X: y"] * 150, NO_LENGTH), "HeadFields"),
    Ambiguous("HTTP/2.0", web(NO_LENGTH, version=b"2.0"), "HttpVersion"),
    Ambiguous("HTTP/1.9", web(NO_LENGTH, version=b"1.9"), "HttpVersion"),
    Ambiguous("HTTP/0.9", b"GET /healthz\r\n\r\n" + HIDDEN, "Grammar"),
    Ambiguous(
        "two credentials",
        web(b"Authorization: A b", b"Authorization: C d", NO_LENGTH),
        "RepeatedAuthorization",
    ),
]
"""Each is refused before anything behind it is looked at, and its connection is closed."""

UNREAD = {
    "a body that nobody reads": web(LENGTH),
    "a chunked body that nobody reads": web(
        CHUNKED, body=b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n" + LAST_CHUNK
    ),
    "a chunk with an extension": web(CHUNKED, body=b"0;\n\r\n\r\n" + HIDDEN),
    "a chunk that ends in bare LFs": web(CHUNKED, body=b"0\n\n" + HIDDEN),
    "a chunk of hexadecimal notation": web(CHUNKED, body=b"0x0\r\n\r\n" + HIDDEN),
    "a channel's body": rpc(b"Content-Length: 76", body=HIDDEN),
    "an IN channel's body": rpc(b"Content-Length: 131072").replace(b"RPC_OUT", b"RPC_IN"),
    "a body that was to wait": web(LENGTH, b"Expect: 100-continue"),
}
"""Whole requests with the hidden one in their bodies, where it is no request."""

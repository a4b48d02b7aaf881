"""The heads of HTTP/1.x messages: read strictly from clients, tolerantly from servers.

A request head decides where one message ends and the next begins, behind front ends that decide the
same for themselves. Whoever disagrees lets one client's bytes become another client's request. So a
request head is read by h11's grammar, and what h11 still tolerates is refused before: a line that
ends in a bare LF, a folded field, control bytes, two lengths even if equal, a length beside a transfer
coding. A refusal comes as soon as its cause is visible, never only at the end of the head.

A response head comes from the one server that the client chose, and a client must judge it by its
status alone (MS-RPCH 3.2.2.5.2): fields that make no sense are left out, not refused.

Field values are Latin-1 text: every byte survives both ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import h11

from rpch.errors import DecodeError, LocalProtocolError
from rpch.http.refusals import HttpRefused, Rule, refused_by

__all__ = [
    "HeadLimits",
    "HttpRefused",
    "MessageHead",
    "RequestHead",
    "ResponseHead",
    "encode_request_head",
    "encode_response_head",
    "read_request_head",
    "read_response_head",
]

HeaderPairs = Iterable[tuple[str, str]]

_END: Final = b"\r\n\r\n"
_AUTHORIZATION: Final = b"\r\nauthorization:"
_SECRET_FIELDS: Final = frozenset(
    {"authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "cookie", "set-cookie"}
)

_FORBIDDEN: Final = re.compile(
    rb"(?P<end>\r(?=[^\n])|(?<!\r)\n)|(?P<fold>\r\n[ \t])|(?P<control>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f])"
)
_FORBIDDEN_RULES: Final = {
    "end": (Rule.LINE_END, "a line ends in a bare CR or LF"),
    "fold": (Rule.FOLDED_FIELD, "a field is continued on the next line"),
    "control": (Rule.CONTROL_BYTE, "a control byte"),
}
_URL: Final = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?]*)", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_LENGTH: Final = re.compile(rb"[0-9]{1,19}")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: (.*))?")
_STATUS_LINE_START: Final = b"HTTP/1."
_RESPONSE_FIELD: Final = re.compile(rb"([-!#$%&'*+.^_`|~0-9a-zA-Z]+)[ \t]*:[ \t]*(.*?)[ \t]*")
_RESPONSE_SIZE: Final = 131_072

_TOKEN: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_TEXT: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True)
class HeadLimits:
    """How much head a client may send before anything is known about it.

    `size` counts everything but the Authorization line, which has its own limit: a Kerberos ticket
    of a user in many groups does not fit where everything else must.
    """

    size: int = 16_384
    authorization: int = 98_304
    fields: int = 100


_DEFAULT_LIMITS: Final = HeadLimits()


class MessageHead:
    """What request and response heads share: a version and fields.  RFC 9110 5"""

    version: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value of the field `name` (in lower case)."""
        return next((value for field, value in self.headers if field == name), None)

    def all(self, name: str) -> list[str]:
        """Every value of the field `name` (in lower case), in order."""
        return [value for field, value in self.headers if field == name]

    def tokens(self, name: str) -> list[str]:
        """The comma-separated members of every field `name`, in lower case.  RFC 9110 5.6.1"""
        members = (member.strip(" \t").lower() for value in self.all(name) for member in value.split(","))
        return [member for member in members if member]

    @property
    def keep_alive(self) -> bool:
        """Whether the sender will use the connection again.  RFC 9112 9.3"""
        options = self.tokens("connection")
        if "close" in options:
            return False
        return self.version != "1.0" or "keep-alive" in options

    def _shown_fields(self) -> str:
        shown = ((name, "***" if name in _SECRET_FIELDS else value) for name, value in self.headers)
        return ", ".join(f"{name}: {value!r}" for name, value in shown)


@dataclass(frozen=True, repr=False)
class RequestHead(MessageHead):
    """The start line and fields of a request.  RFC 9112 3"""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"RequestHead({self.method} {self.target!r} HTTP/{self.version}, {self._shown_fields()})"

    @property
    def content_length(self) -> int:
        """How many bytes of body were announced; without the field none.  RFC 9112 6.3"""
        return int(self.get("content-length") or 0)

    @property
    def expect_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before its body.  RFC 9110 10.1.1"""
        return self.version != "1.0" and "100-continue" in self.tokens("expect")


@dataclass(frozen=True, repr=False)
class ResponseHead(MessageHead):
    """The status line and fields of a response.  RFC 9112 4"""

    status: int
    phrase: str
    version: str
    headers: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"ResponseHead({self.status} {self.phrase!r} HTTP/{self.version}, {self._shown_fields()})"


def read_request_head(
    buffer: bytes | bytearray, *, searched: int = 0, limits: HeadLimits = _DEFAULT_LIMITS
) -> tuple[RequestHead, int] | None:
    """The head at the start of `buffer` and its size, or None while it is incomplete.  RFC 9112 2, 3

    `searched` is how many bytes an earlier call, which returned None, has already seen. It only saves
    time where a head trickles in: once complete, a head is judged as a whole.
    """
    end = buffer.find(_END)
    if end < 0:
        _refuse_early(buffer, max(0, searched - 3), limits, spare=len(_AUTHORIZATION))
        return None
    head = bytes(buffer[: end + len(_END)])
    _refuse_early(head, 0, limits, spare=0)
    lines = head[: -len(_END)].split(b"\r\n")
    _refuse_framing(lines)
    read = _read_by_grammar(head)
    _refuse_other_host(read)
    return read, len(head)


def _refuse_early(buffer: bytes | bytearray, start: int, limits: HeadLimits, *, spare: int) -> None:
    """Refuse what a head may not contain, wherever in it.  RFC 9112 2.2, 5.2"""
    if buffer.startswith(b"\r\n"):
        raise refused_by(Rule.EMPTY_LINE, "an empty line where a request should start")
    if found := _FORBIDDEN.search(buffer, start):
        rule, what = _FORBIDDEN_RULES[found.lastgroup or ""]
        raise refused_by(rule, f"{what}, at byte {found.start()}")
    fields = buffer.count(b"\r\n") - (2 if buffer.endswith(_END) else 1)
    if fields > limits.fields:
        raise refused_by(Rule.HEAD_FIELDS, f"more than {limits.fields} fields")
    if len(buffer) > limits.size:
        exempt = _authorization_size(buffer)
        if exempt > limits.authorization:
            raise refused_by(Rule.HEAD_SIZE, f"Authorization of more than {limits.authorization} bytes")
        if len(buffer) - exempt > limits.size + spare:
            raise refused_by(Rule.HEAD_SIZE, f"a head of more than {limits.size} bytes")


def _authorization_size(buffer: bytes | bytearray) -> int:
    """How many bytes the first Authorization line takes, as far as it is here."""
    start = buffer.lower().find(_AUTHORIZATION)
    if start < 0:
        return 0
    end = buffer.find(b"\r\n", start + 2)
    return (end if end >= 0 else len(buffer)) - start


def _refuse_framing(lines: list[bytes]) -> None:
    """Refuse every head whose body two readers might measure differently.  RFC 9112 6.3"""
    fields: dict[bytes, list[bytes]] = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    lengths = fields.get(b"content-length", [])
    codings = fields.get(b"transfer-encoding", [])
    if lengths and codings:
        raise refused_by(Rule.LENGTH_AND_CODING, "Content-Length together with Transfer-Encoding")
    if len(lengths) > 1 or any(b"," in length for length in lengths):
        raise refused_by(Rule.REPEATED_LENGTH, "more than one Content-Length")
    if not all(_LENGTH.fullmatch(length) for length in lengths):
        raise refused_by(Rule.BAD_LENGTH, "a Content-Length that is no number")
    if codings and lines[0].startswith(b"RPC_"):
        raise refused_by(Rule.CODING_ON_CHANNEL, "a channel carries no Transfer-Encoding")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked" or lines[0].endswith(b"/1.0")):
        raise refused_by(Rule.UNKNOWN_CODING, "a Transfer-Encoding other than one chunked of HTTP/1.1")
    if len(fields.get(b"host", [])) != 1 and (b"host" in fields or lines[0].endswith(b"/1.1")):
        raise refused_by(Rule.HOST, "not exactly one Host")
    if len(fields.get(b"authorization", [])) > 1:
        raise refused_by(Rule.REPEATED_AUTHORIZATION, "more than one Authorization")


def _refuse_other_host(head: RequestHead) -> None:
    """Refuse a URL of one host with the Host of another: who routes by which?  RFC 9112 3.2.2"""
    url, host = _URL.match(head.target), head.get("host")
    if url is None or host is None:
        return
    default = _DEFAULT_PORTS[url["scheme"].lower()]
    if url["authority"].lower().removesuffix(default) != host.lower().removesuffix(default):
        raise refused_by(Rule.HOST, "the Host is not that of the URL")


def _read_by_grammar(head: bytes) -> RequestHead:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError:
        # h11 quotes the line it refuses, which may hold a password: its words stay here.
        raise refused_by(Rule.GRAMMAR, "a line that is no request line or field") from None
    if not isinstance(event, h11.Request) or event.http_version not in (b"1.0", b"1.1"):
        raise refused_by(Rule.HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    return RequestHead(
        event.method.decode("ascii"),
        event.target.decode("ascii"),
        event.http_version.decode("ascii"),
        tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers),
    )


def read_response_head(buffer: bytes | bytearray) -> tuple[ResponseHead, int] | None:
    """The head at the start of `buffer` and its size, or None while it is incomplete.  RFC 9112 4

    Raises `DecodeError` for what is no response at all; fields that make no sense are left out.
    """
    if not buffer.startswith(_STATUS_LINE_START[: len(buffer)]):
        raise DecodeError("no HTTP/1.x response", at=0)
    end = buffer.find(_END)
    if (len(buffer) if end < 0 else end) > _RESPONSE_SIZE:
        raise DecodeError(f"a response head of more than {_RESPONSE_SIZE} bytes", at=_RESPONSE_SIZE)
    if end < 0:
        return None
    lines = bytes(buffer[:end]).split(b"\r\n")
    matched = _STATUS_LINE.fullmatch(lines[0])
    if matched is None:
        raise DecodeError("no status line", at=0)
    minor, status, phrase = matched.groups(b"")
    fields = (_RESPONSE_FIELD.fullmatch(line) for line in lines[1:])
    headers = tuple(
        (field[1].decode("ascii").lower(), field[2].decode("latin-1")) for field in fields if field
    )
    head = ResponseHead(int(status), _phrase(phrase), f"1.{minor.decode('ascii')}", headers)
    return head, end + len(_END)


def _phrase(raw: bytes) -> str:
    """A reason phrase, fit for a log. Some servers translate theirs, in UTF-8.  RFC 9112 4"""
    try:
        phrase = raw.decode("utf-8")
    except UnicodeDecodeError:
        phrase = raw.decode("latin-1")
    return "".join(sign if sign.isprintable() else "?" for sign in phrase)


def encode_request_head(method: str, target: str, headers: HeaderPairs, *, version: str = "1.1") -> bytes:
    """A request head as it goes on the wire.  RFC 9112 3"""
    if not _TOKEN.fullmatch(method) or not _VISIBLE.fullmatch(target):
        raise LocalProtocolError(f"{method!r} on {target!r} is no request line")
    return _encode(f"{method} {target} HTTP/{version}", headers)


def encode_response_head(status: int, phrase: str, headers: HeaderPairs, *, version: str = "1.1") -> bytes:
    """A response head as it goes on the wire.  RFC 9112 4"""
    if not 100 <= status <= 999 or not _TEXT.fullmatch(phrase):
        raise LocalProtocolError(f"{status} {phrase!r} is no status line")
    return _encode(f"HTTP/{version} {status} {phrase}", headers)


def _encode(start_line: str, headers: HeaderPairs) -> bytes:
    lines = [start_line]
    for name, value in headers:
        # A CR or LF in a value would be a head of the value's author.
        if not _TOKEN.fullmatch(name) or not _TEXT.fullmatch(value) or value != value.strip(" \t"):
            raise LocalProtocolError(f"the field {name!r} has a name or value that cannot be sent")
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

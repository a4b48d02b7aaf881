"""Shows the head of an HTTP message, whatever its faults; credentials are named and never shown.

A dump must show what a strict parser refuses, so this one only splits lines.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Final

from rpch.dcerpc.statuses import Status
from rpch.decode.messages import Kind, Message, Part
from rpch.decode.security import token_name
from rpch.errors import RemoteProtocolError
from rpch.http.heads import read_response_head
from rpch.http.rpc_error import read_rpc_error
from rpch.trace import SECRET_HEADERS

END: Final = b"\r\n\r\n"
LONGEST: Final = 131_072

_TOKEN_SCHEMES: Final = frozenset({"ntlm", "negotiate", "kerberos"})


@dataclass(frozen=True)
class Head:
    """A head in its lines: what the start line says, and the fields in order with lower-case names."""

    start: str
    fields: tuple[tuple[str, str], ...]

    @property
    def words(self) -> list[str]:
        """The three parts of the start line, or what there is of them."""
        return [*self.start.split(" ", 2), "", "", ""][:3]

    @property
    def is_response(self) -> bool:
        """Whether it answers a request."""
        return self.start.startswith("HTTP/")

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.words[0]

    @property
    def status(self) -> int:
        """The status of a response; 0 when it has none."""
        return int(self.words[1]) if self.words[1].isdecimal() else 0

    def get(self, name: str) -> str:
        """The first value of a field, or nothing."""
        return next((value for field, value in self.fields if field == name), "")

    @property
    def content_length(self) -> int | None:
        """The announced size of the body, if it is a number."""
        value = self.get("content-length")
        return int(value) if value.isdecimal() and len(value) < 20 else None

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "chunked" in self.get("transfer-encoding").lower()


def split_head(data: bytes) -> Head:
    """The lines of a whole head."""
    start, *lines = data.removesuffix(END).decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return Head(start, tuple((name.strip().lower(), value.strip()) for name, _, value in fields))


def describe_head(data: bytes, *, at: int = 0) -> Message:
    """A head line by line."""
    head = split_head(data)
    parts, position = [], 0
    for line in data.removesuffix(END).split(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        if not position:
            parts.append(Part(0, len(line), b"", "start line", printable(head.start)))
        else:
            shown = shown_value(name.strip().lower(), value.strip())
            parts.append(Part(position, len(line), b"", printable(name.strip()), printable(shown)))
        position += len(line) + 2
    return Message(Kind.HEAD, printable(head.start), at, data, _about(head, data), tuple(parts))


def _rpc_error(data: bytes) -> list[str]:
    """What a refusal means: its status, and where each part of its extended information arose."""
    try:
        read = read_response_head(data)
    except RemoteProtocolError:
        return []
    error = read_rpc_error(read[0]) if read else None
    if error is None:
        return []
    places = [
        f"{Status(record.status)} at place {record.detection_location} of component "
        f"{record.generating_component}"
        for record in error.records
    ]
    return [str(Status(error.status)), *places]


def _about(head: Head, data: bytes) -> str:
    """What a reader looks for in a head."""
    words = _rpc_error(data)
    if length := head.get("content-length"):
        words.append(f"Content-Length {printable(length)}")
    if head.chunked:
        words.append("chunked")
    for name in ("authorization", "www-authenticate"):
        words += [shown_value(name, value) for field, value in head.fields if field == name]
    return ", ".join(words)


def shown_value(name: str, value: str) -> str:
    """The value of a field, without what may not be shown."""
    if name not in SECRET_HEADERS:
        return value
    scheme, _, rest = value.partition(" ")
    if name in ("cookie", "set-cookie"):
        return "not shown"
    if not rest or (name.endswith("-authenticate") and scheme.lower() not in _TOKEN_SCHEMES):
        return value  # an offer is no secret
    if scheme.lower() not in _TOKEN_SCHEMES:
        return f"{scheme}, credentials not shown"
    try:
        return f"{scheme}, {token_name(binascii.a2b_base64(rest.encode('latin-1'), strict_mode=True))}"
    except ValueError:
        return f"{scheme}, not base64, not shown"


def masked_head(data: bytes) -> bytes:
    """The same head, of the same size, with crosses for every credential."""
    lines = []
    for line in data.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        field, text = name.strip().lower().decode("latin-1"), value.strip().decode("latin-1")
        if colon and field in SECRET_HEADERS and shown_value(field, text) != text:
            scheme = len(value) - len(value.lstrip()) + len(text.partition(" ")[0]) + 1
            kept = 0 if field.endswith("cookie") else scheme
            line = name + colon + value[:kept] + b"x" * (len(value) - kept)
        lines.append(line)
    return b"\r\n".join(lines)


def printable(text: str) -> str:
    """Text for a terminal: control bytes would be orders to it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)

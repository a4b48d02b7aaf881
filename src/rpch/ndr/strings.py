"""Strings, terminated and counted, narrow and wide.  C706 14.3.4, MS-DTYP 2.3.10"""

import struct
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from rpch.errors import LocalProtocolError
from rpch.ndr.correlation import Expression, Spec, expression
from rpch.ndr.kinds import NdrType, Order, Plan, Read, Write
from rpch.ndr.streams import MAX_COUNT, Decoder, Encoder

Dress = Callable[[Any], bytes]
Undress = Callable[[Decoder, bytes], Any]

UTF_16 = {"<": "utf-16-le", ">": "utf-16-be"}


class String(NdrType):
    """A [string]: its terminator travels and is counted; in Python it is not there.  C706 14.3.4"""

    def __init__(
        self,
        *,
        encoding: str | None,
        width: int,
        bound: int | None = None,
        size_is: Spec | None = None,
        limit: int = MAX_COUNT,
        padded: bool = False,
    ) -> None:
        super().__init__()
        self.alignment, self.width, self.encoding = 4, width, encoding
        self.bound, self.limit, self.padded = bound, min(limit, bound or MAX_COUNT), padded
        self.size = expression("size_is", size_is)
        self.conformance = 1 if bound is None else 0
        self.minimum = 12 if bound is None else 8
        self.memory = 8

    @property
    def sizes(self) -> tuple[Expression, ...]:
        """What must be zero when a pointer to the string is null."""
        return () if self.size is None else (self.size,)

    def expressions(self) -> Iterable[Expression]:
        return self.sizes

    def compile(self, plan: Plan, order: Order) -> None:
        dress, undress = self._texts(order)
        one, two = struct.Struct(order + "I"), struct.Struct(order + "II")
        width, end = self.width, bytes(self.width)

        def write_counts(encoder: Encoder, value: Any, scope: Any) -> None:
            encoder.align(3)
            encoder.out += one.pack(self._maximum(len(dress(value)) // width + 1, scope))

        def write_body(encoder: Encoder, value: Any, _scope: Any) -> None:
            raw = dress(value)
            encoder.align(3)
            encoder.out += two.pack(0, self._actual(raw)) + raw + end

        def read_counts(decoder: Decoder) -> Any:
            return decoder.unpack(one, 3)[0]

        def read_body(decoder: Decoder, maximum: int, slots: Any, key: Any, scope: Any) -> None:
            offset, actual = decoder.unpack(two, 3)
            self._check(decoder, maximum, offset, actual, scope)
            slots[key] = undress(decoder, decoder.take(actual * width))

        if self.bound is not None:
            bound = self.bound
            plan.write = write_body
            plan.read = lambda decoder, slots, key, scope: read_body(decoder, bound, slots, key, scope)
            return
        plan.write_counts, plan.write_body = write_counts, write_body
        plan.read_counts, plan.read_body = read_counts, read_body
        plan.write, plan.read = self._whole(order, dress, undress)

    def _whole(self, order: Order, dress: Dress, undress: Undress) -> tuple[Write, Read]:
        """The usual case, a string that is no structure's last member, in one step."""
        three, width, end = struct.Struct(order + "III"), self.width, bytes(self.width)

        def write(encoder: Encoder, value: Any, scope: Any) -> None:
            raw = dress(value)
            actual = self._actual(raw)
            encoder.align(3)
            encoder.out += three.pack(self._maximum(actual, scope), 0, actual) + raw + end

        def read(decoder: Decoder, slots: Any, key: Any, scope: Any) -> None:
            maximum, offset, actual = decoder.unpack(three, 3)
            self._check(decoder, maximum, offset, actual, scope)
            slots[key] = undress(decoder, decoder.take(actual * width))

        return write, read

    def _maximum(self, actual: int, scope: Any) -> int:
        """The maximum count to send: what size_is says, or just enough."""
        maximum = self.size.value(scope) if self.size else actual
        if not actual <= maximum <= MAX_COUNT:
            raise LocalProtocolError(f"{actual} characters do not fit {self.size} = {maximum}")
        return maximum

    def _actual(self, raw: bytes) -> int:
        """How many characters travel, the terminator being one."""
        actual = len(raw) // self.width + 1
        if actual > self.limit:
            raise LocalProtocolError(f"{actual} characters do not fit in {self.limit}")
        return actual

    def _check(self, decoder: Decoder, maximum: int, offset: int, actual: int, scope: Any) -> None:
        if offset or actual > min(maximum, self.limit) or maximum > MAX_COUNT:
            raise decoder.fail(
                f"string of {actual} characters from {offset} in {maximum}, limit {self.limit}"
            )
        if self.size:
            decoder.expect(self.size, maximum, scope)

    def _texts(self, order: Order) -> tuple[Dress, Undress]:
        """Python's text to characters without the terminator, and back."""
        width, padded = self.width, self.padded
        encoding = UTF_16[order] if width == 2 else self.encoding

        def dress(value: Any) -> bytes:
            raw = bytes(value) if encoding is None else encoded(value, encoding)
            if (b"\0" in raw) if width == 1 else ("\0" in value):
                raise LocalProtocolError("a string cannot contain its terminator")
            return raw

        def undress(decoder: Decoder, raw: bytes) -> Any:
            text: Any = raw if encoding is None else decoded(decoder, raw, encoding)
            nul: Any = b"\0" if encoding is None else "\0"
            body, end, rest = text.partition(nul)
            if not end or (rest and (not padded or rest.strip(nul))):
                raise decoder.fail("a string must end with its one terminator")
            return body

        return dress, undress


class CountedString(NdrType):
    """RPC_UNICODE_STRING: byte counts outside, character counts inside, no terminator.  MS-DTYP 2.3.10"""

    late = True

    def __init__(self) -> None:
        super().__init__()
        self.alignment, self.minimum, self.memory = 4, 8, 16

    def compile(self, plan: Plan, order: Order) -> None:
        head, counts, encoding = struct.Struct(order + "HHI"), struct.Struct(order + "III"), UTF_16[order]
        buffer = Plan()

        def write(encoder: Encoder, value: Any, _scope: Any) -> None:
            encoder.align(3)
            if value is None:
                encoder.out += head.pack(0, 0, 0)
                return
            raw = encoded(value, encoding)
            if len(raw) > 0xFFFF:
                raise LocalProtocolError(f"{len(raw)} bytes do not fit a counted string")
            encoder.out += head.pack(len(raw), len(raw), encoder.next_unique)
            encoder.next_unique += 4
            encoder.queue.append((buffer, raw, None))

        def write_buffer(encoder: Encoder, raw: Any, _scope: Any) -> None:
            encoder.align(3)
            encoder.out += counts.pack(len(raw) // 2, 0, len(raw) // 2) + raw

        def read(decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
            length, maximum, referent = decoder.unpack(head, 3)
            if length > maximum or length % 2 or maximum % 2 or (maximum and not referent):
                raise decoder.fail(f"counted string of {length} bytes in {maximum}")
            slots[key] = (length // 2, maximum // 2) if referent else None
            if referent:
                decoder.queue.append((buffer, slots, key, None))

        def read_buffer(decoder: Decoder, slots: Any, key: Any, _scope: Any) -> None:
            length, maximum = slots[key]
            if decoder.unpack(counts, 3) != (maximum, 0, length):
                raise decoder.fail(f"the buffer of a counted string is not {length} characters in {maximum}")
            slots[key] = decoded(decoder, decoder.take(2 * length), encoding)

        buffer.write, buffer.read = write_buffer, read_buffer
        plan.write, plan.read = write, read


def encoded(value: str, encoding: str) -> bytes:
    """Text to bytes; our mistake if it does not go."""
    try:
        return value.encode(encoding)
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"character {error.start} of a string is not in {encoding}") from None


def decoded(decoder: Decoder, raw: bytes, encoding: str) -> str:
    """Bytes to text; the peer's mistake if it does not go, half a surrogate pair for one."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise decoder.fail(f"character {error.start} of a string is not in {encoding}") from None


def wide_string(*, size_is: Spec | None = None, limit: int = MAX_COUNT, padded: bool = False) -> String:
    """[string] wchar_t *.  C706 14.3.4

    `limit` counts characters with the terminator; `padded` tolerates more than one terminator.
    """
    return String(encoding=None, width=2, size_is=size_is, limit=limit, padded=padded)


def narrow_string(
    *,
    encoding: str = "latin-1",
    size_is: Spec | None = None,
    limit: int = MAX_COUNT,
    padded: bool = False,
) -> String:
    """[string] char *, as text; latin-1 keeps every octet.  C706 14.3.4"""
    return String(encoding=encoding, width=1, size_is=size_is, limit=limit, padded=padded)


def byte_string(*, size_is: Spec | None = None, limit: int = MAX_COUNT, padded: bool = False) -> String:
    """[string] char *, as `bytes`, for text whose code page is known elsewhere.  C706 14.3.4"""
    return String(encoding=None, width=1, size_is=size_is, limit=limit, padded=padded)


def varying_wide_string(bound: int, *, padded: bool = False) -> String:
    """[string] wchar_t s[bound].  C706 14.3.4"""
    return String(encoding=None, width=2, bound=bound, padded=padded)


def varying_string(bound: int, *, encoding: str = "latin-1", padded: bool = False) -> String:
    """[string] char s[bound].  C706 14.3.4"""
    return String(encoding=encoding, width=1, bound=bound, padded=padded)


WString = Annotated[str, wide_string()]
AString = Annotated[str, narrow_string()]
ByteString = Annotated[bytes, byte_string()]
UnicodeString = Annotated[str | None, CountedString()]

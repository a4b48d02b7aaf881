"""A small interface to try connections with: echo, sums, bytes in bulk, delays, state, and who one is.

What it does is plain enough to be checked by eye, so that tests, benchmarks and people who bring up a new
path can tell a fault of the path from one of the service.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final

from rpch.dcerpc.interface import Call, interface, operation
from rpch.dcerpc.statuses import Status
from rpch.errors import RpcFault
from rpch.ndr import (
    NIL_HANDLE,
    Byte,
    ContextHandle,
    Long,
    Message,
    ULong,
    WString,
    conformant,
    length_of,
    ranged,
    unique,
)

MOST_BYTES: Final = 16 * 1024 * 1024
LONGEST_DELAY: Final = 600_000
_BLOCK: Final = bytes(range(256))


class Octets(Message):
    """Some bytes, either way."""

    count: Annotated[int, ranged(ULong, 0, MOST_BYTES)] = length_of("data")
    data: Annotated[bytes, conformant(Byte, size_is="count")]


class Count(Message):
    """How many bytes, either way."""

    count: Annotated[int, ranged(ULong, 0, MOST_BYTES)]


class AddRequest(Message):
    """Two numbers."""

    left: Long
    right: Long


class AddResponse(Message):
    """Their sum, which wraps around like a register."""

    total: Long


class DelayRequest(Message):
    """How long to wait."""

    milliseconds: Annotated[int, ranged(ULong, 0, LONGEST_DELAY)]


class DelayResponse(Message):
    """How long it was, as a receipt."""

    milliseconds: ULong


class OpenCounterRequest(Message):
    """Where a counter shall begin."""

    start: Long


class CounterHandle(Message):
    """A counter by its context handle, either way."""

    handle: ContextHandle


class CountRequest(Message):
    """By how much a counter shall go on."""

    handle: ContextHandle
    step: Long


class CountResponse(Message):
    """Where it stands now."""

    value: Long


class WhoAmIRequest(Message):
    """Nothing needs to be said."""


class WhoAmIResponse(Message):
    """Who calls, as the server knows it, and at which level of protection."""

    user: Annotated[str | None, unique(WString)]
    level: ULong


@dataclass
class _Counter:
    """What a context handle of this interface stands for."""

    value: int


@interface("0246c2a2-f79c-4ad9-a505-be0992dd35f6", version=(1, 0), allow_connect=True)
class Demo:
    """Does what its operations are called."""

    def __init__(self) -> None:
        self.open_counters = 0

    @operation(0)
    def echo(self, call: Call, request: Octets) -> Octets:
        """Give the bytes back."""
        return request

    @operation(1)
    def add(self, call: Call, request: AddRequest) -> AddResponse:
        """Add two numbers."""
        return AddResponse(_wrapped(request.left + request.right))

    @operation(2)
    def sink(self, call: Call, request: Octets) -> Count:
        """Take bytes and say how many came."""
        return Count(len(request.data))

    @operation(3)
    def source(self, call: Call, request: Count) -> Octets:
        """Give that many bytes: 0, 1, 2 and so on, over and over."""
        whole, rest = divmod(request.count, len(_BLOCK))
        return Octets(_BLOCK * whole + _BLOCK[:rest])

    @operation(4)
    async def delay(self, call: Call, request: DelayRequest) -> DelayResponse:
        """Answer later; a cancelled call ends at once."""
        await asyncio.sleep(request.milliseconds / 1000)
        return DelayResponse(request.milliseconds)

    @operation(5)
    def open_counter(self, call: Call, request: OpenCounterRequest) -> CounterHandle:
        """Begin to count; the handle lives as long as the client's association."""
        handle = call.association.open(_Counter(request.start), rundown=self._run_down)
        self.open_counters += 1
        return CounterHandle(ContextHandle(uuid=handle))

    @operation(6)
    def count(self, call: Call, request: CountRequest) -> CountResponse:
        """Go on counting."""
        counter = _counter(call, request.handle)
        counter.value = _wrapped(counter.value + request.step)
        return CountResponse(counter.value)

    @operation(7)
    def close_counter(self, call: Call, request: CounterHandle) -> CounterHandle:
        """Stop counting."""
        _counter(call, request.handle)
        call.association.close(request.handle.uuid)
        self.open_counters -= 1
        return CounterHandle(NIL_HANDLE)

    @operation(8)
    def who_am_i(self, call: Call, request: WhoAmIRequest) -> WhoAmIResponse:
        """Say who the caller proved to be; nobody has no name."""
        return WhoAmIResponse(call.user, call.level)

    def _run_down(self) -> None:
        """A client has gone without closing its counter."""
        self.open_counters -= 1


def _counter(call: Call, handle: ContextHandle) -> _Counter:
    if handle.is_nil:
        raise RpcFault(Status.RPC_X_SS_IN_NULL_CONTEXT)
    if handle.attributes:
        raise RpcFault(Status.S_FAULT_CONTEXT_MISMATCH)
    return call.association.find(handle.uuid, _Counter)


def _wrapped(value: int) -> int:
    """A number cut to 32 bits, with its sign."""
    return (value + 2**31) % 2**32 - 2**31

"""The calls a client waits for: matched by call id, put together from fragments.  MS-RPCE 3.3.2.5.1"""

from __future__ import annotations

from dataclasses import dataclass, field

from rpch.dcerpc.client_events import CallCompleted
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.fragments import Reassembly
from rpch.dcerpc.pdus import Header, Response
from rpch.errors import DecodeError, UnexpectedMessage


@dataclass
class AwaitedCall:
    """One call that was sent, and what came back of it so far.

    `context_id` is its presentation context, `protection` its security context; None is nobody's.
    """

    context_id: int
    protection: Protection | None
    reassembly: Reassembly
    cancelled: bool = False
    little_endian: bool | None = field(default=None)  # None until the first fragment came


class AwaitedCalls:
    """The calls that were sent and not answered yet.

    Fragments of several answers may come interleaved; what belongs to no call is somebody's abandoned
    one, and is dropped.
    """

    def __init__(self, *, response_limit: int) -> None:
        self._limit = response_limit
        self._calls: dict[int, AwaitedCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call_id: int) -> bool:
        return call_id in self._calls

    def sent(self, call_id: int, context_id: int, protection: Protection | None = None) -> None:
        """A call went out whole."""
        self._calls[call_id] = AwaitedCall(context_id, protection, Reassembly(limit=self._limit))

    def find(self, call_id: int) -> AwaitedCall | None:
        """What is known of a call; None when nobody waits for it."""
        return self._calls.get(call_id)

    def cancel(self, call_id: int) -> bool:
        """Note a cancel; whether it is the first for this call."""
        first = not self._calls[call_id].cancelled
        self._calls[call_id].cancelled = True
        return first

    def forget(self, call_id: int) -> bool:
        """Wait no longer; whether anybody did."""
        return self._calls.pop(call_id, None) is not None

    def clear(self) -> list[int]:
        """Wait for nothing; the ids of what was waited for."""
        left = list(self._calls)
        self._calls.clear()
        return left

    def received(self, response: Response, header: Header, stub: bytes) -> CallCompleted | None:
        """One fragment; the call is complete with its last one.  C706 12.6.2"""
        call = self._calls.get(response.call_id)
        if call is None:
            return None
        # Observed: Windows sends only the low 8 bits of the context id back
        if (response.context_id ^ call.context_id) & 0xFF:
            raise DecodeError(f"call {response.call_id} is answered for another interface", at=20)
        if header.first is not (call.little_endian is None):
            which = "a second first" if header.first else "no first"
            raise UnexpectedMessage(f"call {response.call_id} with {which} fragment", state="answering")
        if call.little_endian is None:
            call.little_endian = header.little_endian
        elif call.little_endian is not header.little_endian:
            raise DecodeError("the byte order changes within one answer", at=4)
        call.reassembly.add(stub)  # alloc_hint is not trusted (2.2.2.6)
        if not header.last:
            return None
        del self._calls[response.call_id]
        return CallCompleted(response.call_id, call.reassembly.finish(), call.little_endian)

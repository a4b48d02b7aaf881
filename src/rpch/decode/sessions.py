"""What the two ends of an RPC conversation have agreed on so far: it gives calls their names."""

from __future__ import annotations

from rpch.dcerpc.pdus import SyntaxId
from rpch.decode.interfaces import operation_name

KNOWN_CALLS = 1_000


class Session:
    """Presentation contexts and open calls of one connection, or of one virtual connection."""

    def __init__(self) -> None:
        self._contexts: dict[int, SyntaxId] = {}
        self._calls: dict[int, str] = {}

    def offer(self, context_id: int, interface: SyntaxId) -> None:
        """A client asked for this interface under this id."""
        self._contexts[context_id] = interface

    def begin(self, call_id: int, context_id: int, opnum: int) -> str:
        """A client sent a fragment of a request; the name of its operation."""
        name = operation_name(self._contexts.get(context_id), opnum)
        self._calls.pop(call_id, None)
        self._calls[call_id] = name
        if len(self._calls) > KNOWN_CALLS:
            del self._calls[next(iter(self._calls))]
        return name

    def named(self, call_id: int) -> str:
        """The operation that an answer belongs to, if its request was seen.

        A capture on a proxy holds every answer twice, so a name outlives its call.
        """
        return self._calls.get(call_id, "")


class Sessions:
    """The sessions of all virtual connections, by their short cookies."""

    def __init__(self) -> None:
        self._by_name: dict[str, Session] = {}

    def of(self, connection: str) -> Session:
        """The session of one virtual connection."""
        return self._by_name.setdefault(connection, Session())

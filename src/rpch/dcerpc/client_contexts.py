"""The security contexts of a client's connection: that of the bind, and further ones.  MS-RPCE 3.3.1.5.4

The bind's is the default; it is None where the bind proved nobody. Further ones have ids of their own, and
each call says by which it goes. From the first further one on requests at level CONNECT carry a trailer too:
bare ones would leave it to the server to guess whose they are. Nobody's calls have no trailer they could
carry, so beside them no context at level CONNECT is opened.

No PDU closes a security context. What was opened, or failed to, counts until the connection ends.
"""

from __future__ import annotations

from typing import Final

from rpch.dcerpc.client_bind import Agreement
from rpch.dcerpc.client_calls import AwaitedCall
from rpch.dcerpc.client_events import Authentication
from rpch.dcerpc.client_protection import Protection
from rpch.dcerpc.pdus import AuthLevel, Response
from rpch.dcerpc.presentation import Features
from rpch.errors import DecodeError, LocalProtocolError

CONTEXT_LIMIT: Final = 1000  # what Windows allows itself; more than 2,000 nobody may have (3.3.1.5.4)


class CannotOpen(LocalProtocolError):
    """No further security context may be opened on this connection; nothing was sent.  MS-RPCE 3.3.1.5.4"""


class ClientContexts:
    """The security contexts of one connection."""

    def __init__(self, *, limit: int = CONTEXT_LIMIT) -> None:
        self.default: Protection | None = None
        self.header_signing: bool | None = None  # None until a PDU with a token has settled it
        self._limit, self._begun = limit, 0
        self._first_id = self._last_id = 1  # the bind's, unless it claims another
        self._wanted: set[int] = set()
        self._ready: dict[int, Protection] = {}

    def claim(self, context_id: int) -> None:
        """The bind goes by this id."""
        self._first_id = self._last_id = max(self._last_id, context_id)

    def new_id(self) -> int:
        """An id for a further context."""
        self._last_id += 1
        return self._last_id

    def want(self, auth: Authentication) -> None:
        """A further context is to come."""
        taken = auth.context_id in self._wanted or auth.context_id in self._ready
        if taken or not self._first_id < auth.context_id <= self._last_id:
            raise LocalProtocolError(f"security context {auth.context_id} is no new one of this connection")
        self._wanted.add(auth.context_id)

    def check(self, context_id: int | None) -> None:
        """`LocalProtocolError` unless calls may wait for this context."""
        if context_id is not None and context_id not in self._wanted and context_id not in self._ready:
            raise LocalProtocolError(f"there is no security context {context_id} on this connection")

    def ready(self, context_id: int | None) -> bool:
        """Whether calls may go by this context."""
        return context_id is None or context_id in self._ready

    def protection(self, context_id: int | None) -> Protection | None:
        """What protects the calls of a context that is ready; None for nobody's."""
        return self.default if context_id is None else self._ready[context_id]

    def begin(self, auth: Authentication, agreement: Agreement) -> None:
        """The first leg of a further context is about to go; `CannotOpen` when it may not."""
        if Features.SECURITY_CONTEXT_MULTIPLEXING not in agreement.features:
            raise CannotOpen(
                "this server takes one security context a connection: it did not agree to "
                "SecurityContextMultiplexing in the bind; connect once more, as that user"
            )
        if self.default is None and auth.auth_level == AuthLevel.CONNECT:
            raise CannotOpen(
                "beside calls of nobody the server could take those for this user's at level CONNECT; "
                "use PKT or higher, or connect as somebody"
            )
        if self._begun >= self._limit:
            raise CannotOpen(
                f"{self._limit} further security contexts are the most that a connection may have, and were "
                "opened on this one; connect once more"
            )
        self._begun += 1
        if self.default is not None:
            self.default.named = True

    def established(self, context_id: int, protection: Protection) -> None:
        """A further context is there."""
        self._wanted.discard(context_id)
        self._ready[context_id] = protection

    def failed(self, context_id: int) -> None:
        """A further context will not be there."""
        self._wanted.discard(context_id)

    def open(self, data: bytes, response: Response, call: AwaitedCall | None) -> bytes:
        """The stub bytes of one fragment, proven by the context of its request.  MS-RPCE 3.3.2.5.1

        An answer nobody waits for counts in the sequence numbers of the context it names: it is checked
        before it is dropped.
        """
        protection = call.protection if call is not None else self._named(response)
        if protection is not None:
            return protection.open(data, response)
        if response.auth is not None:
            raise DecodeError("a security trailer without security behind it", at=10)
        return response.stub

    def _named(self, response: Response) -> Protection | None:
        """The context that an answer names which nobody waits for."""
        known = [self.default, *self._ready.values()]
        if response.auth is None:
            return next((one for one in known if one is None or not one.signs), self.default)
        context_id = response.auth.context_id
        return next((one for one in known if one is not None and one.trailer.context_id == context_id), None)

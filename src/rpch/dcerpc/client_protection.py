"""What a client's security context does to each fragment, and demands of each answer.  MS-RPCE 3.3.1.5.2, 5

Below level PKT requests travel bare, unless there are several contexts on the connection: then each says by
which it goes (MS-RPCE 3.3.1.5.4). From PKT on every fragment is signed, every answer must be, and the
verification trailer behind a request repeats under protection what anyone on the way could have changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rpch.dcerpc.pdus import AuthLevel, Request, Response, SecTrailer, unpadded
from rpch.dcerpc.security import Protection as FragmentProtection
from rpch.dcerpc.security import SecurityContext, Segments, protected, verified
from rpch.dcerpc.verification import RequestFacts, verification_trailer
from rpch.errors import DecodeError

_TRAILER_ALIGNMENT: Final = 4


class _Naming:
    """Names a context at level CONNECT, and proves nothing: no server looks at this token."""

    TOKEN: Final = b"\x01" + bytes(15)
    token_size = len(TOKEN)

    def protect(self, segments: Segments, *, header_signing: bool) -> tuple[bytes, bytes]:
        """The body as it is."""
        return segments.body, self.TOKEN

    def verify(self, segments: Segments, token: bytes, *, header_signing: bool) -> bytes:
        """The body as it is, too."""
        return segments.body


@dataclass
class Protection:
    """One established security context as the client uses it.

    `trailer` gives its type, level and context id; its token is ignored. `named` says that other contexts
    share the connection, so that each request must name its own.
    """

    mechanism: SecurityContext
    trailer: SecTrailer
    header_signing: bool
    named: bool = False
    _told_bitmask: bool = False
    _told_contexts: set[int] = field(default_factory=set)

    @property
    def signs(self) -> bool:
        """Whether fragments are protected at all."""
        return self.trailer.auth_level >= AuthLevel.PKT

    @property
    def token_size(self) -> int | None:
        """The size of each fragment's token; None when there is none."""
        return None if self._protects is None else self._protects.token_size

    @property
    def _protects(self) -> FragmentProtection | None:
        """What makes the tokens of requests."""
        if self.signs:
            return self.mechanism
        return _Naming() if self.named else None

    def stub(self, stub: bytes, facts: RequestFacts) -> bytes:
        """A call's stub with the verification trailer that is due.  MS-RPCE 2.2.2.13"""
        if not self.signs:
            return stub
        due = verification_trailer(
            facts,
            bitmask=not self._told_bitmask,
            contexts=facts.context_id not in self._told_contexts,
            header=not self.header_signing,
        )
        return stub + bytes(-len(stub) % 4) + due if due else stub

    def answered(self, context_id: int) -> None:
        """A call of this context was answered well: its trailer need not be repeated."""
        self._told_bitmask = True
        self._told_contexts.add(context_id)

    def protect(self, request: Request) -> bytes:
        """One fragment as bytes."""
        if (protects := self._protects) is None:
            return request.encode()
        return protected(request, protects, self.trailer, header_signing=self.header_signing)

    def open(self, data: bytes, response: Response) -> bytes:
        """The stub bytes of one fragment, or an error that ends the connection.  MS-RPCE 3.3.2.5.1"""
        auth = response.auth
        if auth is None:
            if self.signs:
                raise DecodeError("an answer without protection", at=10)
            return response.stub
        mine = self.trailer
        named = (auth.auth_type, auth.auth_level, auth.context_id)
        if named != (mine.auth_type, mine.auth_level, mine.context_id):
            raise DecodeError("an answer under another security context", at=len(data) - len(auth.token))
        if (len(data) - len(auth.token)) % _TRAILER_ALIGNMENT:
            raise DecodeError("the security trailer is not aligned", at=len(data) - len(auth.token))
        unpadded(response.stub, auth)  # no mechanism should see a body that cannot be
        if not self.signs:
            return unpadded(response.stub, auth)
        return unpadded(verified(data, response, self.mechanism, header_signing=self.header_signing), auth)

"""A client of PDUs for a server machine in memory: it can send anything, and reads what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final, TypeAlias
from uuid import UUID

from rpch.dcerpc.associations import AssociationTable
from rpch.dcerpc.interface import Call, Interface, interface, interface_of, operation
from rpch.dcerpc.pdus import (
    NDR20,
    WHOLE,
    AlterContext,
    AlterContextResp,
    Auth3,
    AuthLevel,
    AuthType,
    Bind,
    BindAck,
    ContextElement,
    Pdu,
    PfcFlags,
    Request,
    SecTrailer,
    SyntaxId,
    decode_pdu,
)
from rpch.dcerpc.security import Declined, protected
from rpch.dcerpc.server_side import (
    Action,
    CallReturned,
    Disconnect,
    Endpoint,
    Event,
    Limits,
    PduReceived,
    SecurityStepped,
    SendPdu,
    ServerConnection,
    StartCall,
    StepSecurity,
)
from rpch.errors import LocalProtocolError
from rpch.testing.mechanisms import LEGS, ToyMechanism, ToyProvider

Seen: TypeAlias = Pdu | Action


class Octets:
    """A stub that is its own meaning."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def encode(self, *, little_endian: bool = True) -> bytes:
        """The bytes themselves, in either order."""
        return self.data

    @classmethod
    def decode(cls, stub: bytes, *, little_endian: bool = True) -> Octets:
        """All of them."""
        return cls(stub)


@interface("afa8bd80-7d8a-11c9-bef4-08002b102989", version=(1, 0), allow_connect=True)
class Managed:
    """Stands in for the management interface, which every endpoint has."""

    @operation(0)
    def first(self, call: Call, request: Octets) -> Octets:
        """Says what it was told."""
        return request

    @operation(1)
    def second(self, call: Call, request: Octets) -> Octets:
        """Says what it was told."""
        return request


@interface("e1af8308-5d1f-11c9-91a4-08002b14a0fa", version=(3, 0))
class Mapped:
    """Stands in for the endpoint mapper; refuses callers at level CONNECT."""

    @operation(2)
    def only(self, call: Call, request: Octets) -> Octets:
        """Says what it was told."""
        return request


@interface("12345678-1234-abcd-ef00-01234567cffb", minimum_level=AuthLevel.PKT_PRIVACY)
class Private:
    """Wants privacy."""

    @operation(0)
    def only(self, call: Call, request: Octets) -> Octets:
        """Says what it was told."""
        return request


MANAGED: Final = interface_of(Managed)
MAPPED: Final = interface_of(Mapped)
PRIVATE: Final = interface_of(Private)
INTERFACES: Final[Sequence[Interface]] = (MANAGED, MAPPED, PRIVATE)
UNKNOWN: Final = SyntaxId(UUID("12345678-0000-0000-0000-000000000000"), 1)


def endpoint(*, secure: bool = False, limits: Limits | None = None, groups: int = 100) -> Endpoint:
    """An endpoint on port 135 whose group ids and handles are counted, not random."""
    numbers = count(0x53F0)
    table = AssociationTable(
        new_group_id=lambda: next(numbers),
        new_handle=lambda: UUID(int=next(numbers)),
        group_limit=groups,
    )
    provider = ToyProvider() if secure else None
    return Endpoint(INTERFACES, table, "135", provider, limits or Limits())


def offer(context_id: int, syntax: SyntaxId = MANAGED.syntax, *transfers: SyntaxId) -> ContextElement:
    """One presentation context, in NDR unless told otherwise."""
    return ContextElement(context_id, syntax, transfers or (NDR20,))


class ToyContext:
    """A client's end of one security context."""

    def __init__(
        self,
        context_id: int,
        level: AuthLevel = AuthLevel.PKT_INTEGRITY,
        auth_type: AuthType = AuthType.NTLM,
        user: bytes = b"alice",
    ) -> None:
        self.mechanism = ToyMechanism(level, LEGS[auth_type], client=True, user=user)
        self.trailer = SecTrailer(auth_type, level, context_id, b"")

    def leg(self, token: bytes) -> SecTrailer:
        """A trailer that carries a leg."""
        trailer = self.trailer
        return SecTrailer(trailer.auth_type, trailer.auth_level, trailer.context_id, token)

    def take(self, token: bytes) -> bytes:
        """Take the server's leg; the token of ours."""
        step = self.mechanism.step(token)
        if isinstance(step, Declined):
            raise LocalProtocolError(f"the server's leg was declined: {step.why}")
        return step.token

    def protect(self, request: Request, *, header_signing: bool = False) -> bytes:
        """A request as bytes."""
        return protected(request, self.mechanism, self.trailer, header_signing=header_signing)


class RawClient:
    """One connection, spoken to in PDUs. Calls wait for `finish`; mechanisms answer while `steps`."""

    def __init__(self, where: Endpoint | None = None, *, identity: str = "10.0.0.1") -> None:
        self.machine = ServerConnection(where or endpoint(), identity=identity)
        self.now = 0.0
        self.steps = True

    def tell(self, event: Event) -> list[Seen]:
        """One event; what the machine orders, sent PDUs decoded."""
        return list(self._carry_out(self.machine.handle(event, self.now)))

    def send(self, pdu: Pdu | bytes, *, little_endian: bool = True) -> list[Seen]:
        """One PDU, or bytes that claim to be one."""
        data = pdu if isinstance(pdu, bytes) else pdu.encode(little_endian=little_endian)
        return self.tell(PduReceived(data))

    def finish(self, call_id: int, stub: bytes = b"done") -> list[Seen]:
        """Let a running call return."""
        return self.tell(CallReturned(call_id, stub))

    def bind(self, *contexts: ContextElement, flags: PfcFlags = WHOLE, group_id: int = 0) -> BindAck:
        """Bind, to the managed interface as context 0 unless told otherwise."""
        offers = contexts or (offer(0),)
        answers = self.send(Bind(1, offers, assoc_group_id=group_id, flags=flags))
        if len(answers) != 1 or not isinstance(answers[0], BindAck):
            raise LocalProtocolError(f"the bind was answered with {answers}")
        return answers[0]

    def authenticate(self, context: ToyContext, *contexts: ContextElement) -> None:
        """Build one more security context with alter_context, and auth3 for odd legs."""
        offers = contexts or (offer(0),)
        token = context.mechanism.first()
        while not context.mechanism.established:
            [answer] = self.send(AlterContext(9, offers, auth=context.leg(token)))
            if not isinstance(answer, AlterContextResp) or answer.auth is None:
                raise LocalProtocolError(f"a leg was answered with {answer}")
            token = context.take(answer.auth.token)
        if token:
            self.send(Auth3(9, context.leg(token)))

    def _carry_out(self, actions: list[Action]) -> Iterator[Seen]:
        for action in actions:
            match action:
                case SendPdu(data=data):
                    yield decode_pdu(data)
                case StepSecurity(mechanism=ToyMechanism() as mechanism, token=token) if self.steps:
                    yield from self.tell(SecurityStepped(mechanism.step(token)))
                case _:
                    yield action


def started(seen: list[Seen]) -> StartCall:
    """The one call that was started, and nothing else happened."""
    [action] = seen
    if not isinstance(action, StartCall):
        raise LocalProtocolError(f"expected a call to start, got {action}")
    return action


def ended(seen: list[Seen]) -> bool:
    """Whether the last thing ordered is to disconnect."""
    return bool(seen) and isinstance(seen[-1], Disconnect)

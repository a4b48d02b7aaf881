"""What a client connection hears, and what it orders.  MS-RPCE 3.3.2

Events are facts; actions are orders to the driver that feeds the machine. Call ids come from
`ClientConnection.new_call_id`, so that they are the ones on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from rpch.dcerpc.pdus import AuthLevel, AuthType, SyntaxId
from rpch.dcerpc.presentation import Features
from rpch.dcerpc.security import SecurityContext, Step
from rpch.errors import RpchError


@dataclass(frozen=True)
class Authentication:
    """How to prove who we are: a security context that has taken its first step.  MS-RPCE 3.3.1.5.2

    `token` is what that step gave; it travels in the bind.
    """

    mechanism: SecurityContext
    auth_type: AuthType
    auth_level: AuthLevel
    context_id: int
    token: bytes = field(repr=False)


@dataclass(frozen=True)
class Open:
    """The transport is there: bind it to an interface.

    `group_id` joins the association of another connection; 0 starts a new one.
    """

    interface: SyntaxId
    group_id: int = 0
    auth: Authentication | None = None


@dataclass(frozen=True)
class PduReceived:
    """One whole PDU came."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class AddInterface:
    """Calls of one more interface are to come."""

    interface: SyntaxId


@dataclass(frozen=True)
class OpenContext:
    """A further security context is wanted, beside that of the bind.  MS-RPCE 3.3.1.5.4"""

    auth: Authentication


@dataclass(frozen=True)
class Invoke:
    """A call is wanted. It waits for its interface, and for its turn where calls go one by one.

    `security` is the id of the further security context by which it goes, and for which it waits too; None is
    that of the bind.
    """

    call_id: int
    interface: SyntaxId
    opnum: int
    stub: bytes = field(repr=False)
    object_uuid: UUID | None = None
    security: int | None = None


@dataclass(frozen=True)
class CancelCall:
    """The server should end a call early; its answer is still awaited."""

    call_id: int


@dataclass(frozen=True)
class AbandonCall:
    """Nobody waits for a call any more."""

    call_id: int


@dataclass(frozen=True)
class SecurityStepped:
    """The security context took the step that `StepSecurity` ordered."""

    step: Step


@dataclass(frozen=True)
class TransportClosed:
    """The transport is gone."""

    why: RpchError | None = None


@dataclass(frozen=True)
class Tick:
    """The deadline came."""


Event: TypeAlias = (
    Open
    | PduReceived
    | AddInterface
    | OpenContext
    | Invoke
    | CancelCall
    | AbandonCall
    | SecurityStepped
    | TransportClosed
    | Tick
)


@dataclass(frozen=True)
class SendPdu:
    """Send these bytes, one PDU, as one write."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class StepSecurity:
    """Let the security context take the server's token, and report `SecurityStepped`."""

    mechanism: SecurityContext
    token: bytes = field(repr=False)


@dataclass(frozen=True)
class Bound:
    """The connection is open, and this is what was agreed."""

    group_id: int
    fragment: int
    multiplexed: bool
    features: Features


@dataclass(frozen=True)
class InterfaceReady:
    """Calls of this interface may go out."""

    interface: SyntaxId


@dataclass(frozen=True)
class InterfaceRefused:
    """The server does not offer this interface here; the connection stays."""

    interface: SyntaxId
    why: RpchError


@dataclass(frozen=True)
class ContextReady:
    """Calls may go by this further security context."""

    context_id: int


@dataclass(frozen=True)
class ContextRefused:
    """There will be no such security context. The connection stays, as far as it is up to us."""

    context_id: int
    why: RpchError


@dataclass(frozen=True)
class CallCompleted:
    """A call's results, in the byte order the server chose."""

    call_id: int
    stub: bytes = field(repr=False)
    little_endian: bool


@dataclass(frozen=True)
class CallFaulted:
    """The server answered a call with a fault."""

    call_id: int
    status: int
    did_not_execute: bool


@dataclass(frozen=True)
class CallFailed:
    """A call will have no answer. `did_not_execute` is sure: nothing of it was sent."""

    call_id: int
    why: RpchError
    did_not_execute: bool


@dataclass(frozen=True)
class Closed:
    """The connection is over; close the transport. All its calls were answered for before."""

    why: RpchError | None


Action: TypeAlias = (
    SendPdu
    | StepSecurity
    | Bound
    | InterfaceReady
    | InterfaceRefused
    | ContextReady
    | ContextRefused
    | CallCompleted
    | CallFaulted
    | CallFailed
    | Closed
)

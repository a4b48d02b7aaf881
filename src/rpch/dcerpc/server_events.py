"""What a server connection is told, and what it orders.  MS-RPCE 3.3.3"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from rpch.dcerpc.associations import CallerHandles
from rpch.dcerpc.interface import Interface
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.security import SecurityContext, Step
from rpch.errors import RpchError


@dataclass(frozen=True)
class PduReceived:
    """One whole PDU arrived."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class CallReturned:
    """The operation of a `StartCall` returned; its stub is little-endian, as all our answers are."""

    call_id: int
    stub: bytes = field(repr=False)


@dataclass(frozen=True)
class CallFailed:
    """The operation of a `StartCall` ended in a fault."""

    call_id: int
    status: int
    did_not_execute: bool = False


@dataclass(frozen=True)
class SecurityStepped:
    """The mechanism of a `StepSecurity` answered."""

    step: Step


@dataclass(frozen=True)
class TransportClosed:
    """The transport is gone."""


@dataclass(frozen=True)
class Tick:
    """The deadline has come."""


Event: TypeAlias = PduReceived | CallReturned | CallFailed | SecurityStepped | TransportClosed | Tick


@dataclass(frozen=True)
class SendPdu:
    """Send one PDU, in one write."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class StartCall:
    """Run an operation; answer with exactly one `CallReturned` or `CallFailed` of the same id."""

    call_id: int
    interface: Interface
    opnum: int
    stub: bytes = field(repr=False)
    association: CallerHandles = field(repr=False, compare=False)
    object_uuid: UUID | None = None
    little_endian: bool = True
    user: str | None = None
    level: AuthLevel = AuthLevel.NONE


@dataclass(frozen=True)
class CancelCall:
    """Ask a running operation to end early. It still answers."""

    call_id: int


@dataclass(frozen=True)
class StepSecurity:
    """Let a mechanism take a leg and report `SecurityStepped`. Read nothing meanwhile."""

    mechanism: SecurityContext
    token: bytes = field(repr=False)


@dataclass(frozen=True)
class RunDown:
    """Call the rundown routines of context handles whose client is gone."""

    routines: tuple[Callable[[], None], ...]


@dataclass(frozen=True)
class TellRefusal:
    """Say for what a call was refused, on a connection that goes on."""

    why: RpchError


@dataclass(frozen=True)
class Disconnect:
    """Stop reading, let what was sent reach the peer, then close."""

    why: RpchError


Action: TypeAlias = SendPdu | StartCall | CancelCall | StepSecurity | RunDown | TellRefusal | Disconnect

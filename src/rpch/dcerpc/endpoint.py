"""What the connections of one endpoint share, and how much each may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rpch.dcerpc.associations import AssociationTable
from rpch.dcerpc.fragments import EMPTY_FRAGMENTS, REQUEST_LIMIT
from rpch.dcerpc.interface import Interface
from rpch.dcerpc.pdus_bind import LARGEST_FRAGMENT
from rpch.dcerpc.presentation import CONTEXT_LIMIT
from rpch.dcerpc.security import SecurityProvider
from rpch.dcerpc.security_contexts import SECURITY_CONTEXT_LIMIT


@dataclass(frozen=True)
class Limits:
    """How much one connection may ask for."""

    fragment: int = LARGEST_FRAGMENT  # the largest that a bind can agree on, and that is received
    request: int = REQUEST_LIMIT
    empty_fragments: int = EMPTY_FRAGMENTS
    contexts: int = CONTEXT_LIMIT
    security_contexts: int = SECURITY_CONTEXT_LIMIT
    calls: int = 256
    running_stubs: int = 16 * 1024 * 1024  # bytes, of all calls that run at the same time
    held: int = 256 * 1024  # bytes of PDUs that wait for a mechanism
    bind_timeout: float = 60.0
    fragment_timeout: float = 60.0
    # Observed: FreeRDP refuses fragments of exactly the size it announced.
    response_margin: int = 8
    # Observed: Samba up to 4.17 lets the body of a bind count as padding of its token, and refuses a bind
    # without contexts for no given reason. Its test suite of that age expects both.
    legacy_bind: bool = False


@dataclass(frozen=True)
class Endpoint:
    """One place where a server listens.  MS-RPCE 3.3.3.1"""

    interfaces: Sequence[Interface]
    associations: AssociationTable
    secondary_address: str
    security: SecurityProvider | None = None
    limits: Limits = field(default_factory=Limits)

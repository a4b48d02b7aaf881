"""Which interfaces a connection may call, under which ids: the negotiation of contexts.  MS-RPCE 3.3.1.5.6

A client offers elements; each is answered in order. One PDU gets at most one acceptance: an element that
could be accepted but comes second is rejected, and can be accepted by the next alter_context. An element
whose first transfer syntax carries the bind-time feature prefix offers no context but feature bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Final
from uuid import UUID

from rpch.dcerpc.interface import Interface
from rpch.dcerpc.pdus import (
    NDR20,
    NDR64,
    ContextElement,
    ContextOutcome,
    ContextResult,
    ProviderReason,
    RejectReason,
    SyntaxId,
)
from rpch.dcerpc.refusals import beyond
from rpch.errors import RemoteProtocolError

CONTEXT_LIMIT: Final = 256
_FEATURE_PREFIX: Final = UUID("6cb71c2c-9812-4540-0000-000000000000").bytes[:8]


class Features(IntFlag):
    """What both ends can agree on while binding.  MS-RPCE 2.2.2.14"""

    NONE = 0
    SECURITY_CONTEXT_MULTIPLEXING = 1
    KEEP_CONNECTION_ON_ORPHAN = 2


SUPPORTED_FEATURES: Final = Features.SECURITY_CONTEXT_MULTIPLEXING | Features.KEEP_CONNECTION_ON_ORPHAN


def feature_syntax(features: Features) -> SyntaxId:
    """The transfer syntax by which a client offers features.  MS-RPCE 2.2.2.14"""
    return SyntaxId(UUID(bytes=_FEATURE_PREFIX + int(features).to_bytes(8, "little")), 1)


def offered_features(element: ContextElement) -> int | None:
    """The feature bits an element offers; None when it offers a context.  MS-RPCE 3.3.1.5.3"""
    if not element.transfer_syntaxes:
        return None
    first = element.transfer_syntaxes[0]
    if first.uuid.bytes[:8] != _FEATURE_PREFIX or (first.version_major, first.version_minor) != (1, 0):
        return None
    return int.from_bytes(first.uuid.bytes[8:], "little")


class BadOffer(RemoteProtocolError):
    """A list of contexts that no answer fits; in a bind it is refused with `reason`.  MS-RPCE 3.3.1.5.6"""

    def __init__(self, what: str, reason: RejectReason = RejectReason.NOT_SPECIFIED) -> None:
        super().__init__(what, reason)
        self.what, self.reason = what, reason

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True)
class PresentationContext:
    """An interface under the id by which this connection calls it.  MS-RPCE 3.3.1.1"""

    context_id: int
    interface: Interface
    abstract_syntax: SyntaxId
    transfer_syntax: SyntaxId
    with_ndr64: bool = False  # whether its client would have taken NDR64 instead


@dataclass(frozen=True)
class Negotiated:
    """The answers to one list of elements."""

    results: tuple[ContextResult, ...]
    created: bool = False
    features: Features | None = None


_UNKNOWN_ABSTRACT: Final = ContextResult(
    ContextOutcome.PROVIDER_REJECTION, ProviderReason.ABSTRACT_SYNTAX_NOT_SUPPORTED
)
_NO_TRANSFER: Final = ContextResult(
    ContextOutcome.PROVIDER_REJECTION, ProviderReason.PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED
)
_FULL: Final = ContextResult(ContextOutcome.PROVIDER_REJECTION, ProviderReason.LOCAL_LIMIT_EXCEEDED)


class PresentationContexts:
    """The presentation contexts of one connection.  MS-RPCE 3.3.1.1"""

    def __init__(self, interfaces: Sequence[Interface], *, limit: int = CONTEXT_LIMIT) -> None:
        self._interfaces, self._limit = interfaces, limit
        self._contexts: dict[int, PresentationContext] = {}

    def __len__(self) -> int:
        return len(self._contexts)

    def find(self, context_id: int) -> PresentationContext | None:
        """The context of this id, if one was accepted."""
        return self._contexts.get(context_id)

    def bind(self, elements: Sequence[ContextElement]) -> Negotiated:
        """Answer the elements of a bind, features among them.  MS-RPCE 3.3.1.5.3"""
        _check(elements)
        masks = [mask for element in elements if (mask := offered_features(element)) is not None]
        if len(masks) > 1:
            raise BadOffer("features are offered twice")
        before = len(self)
        results = self._answer(elements, binding=True)
        agreed = Features(masks[0] & SUPPORTED_FEATURES) if masks else None
        return Negotiated(results, len(self) > before, agreed)

    def alter(self, elements: Sequence[ContextElement]) -> Negotiated:
        """Answer the elements of an alter_context, where features are no longer known."""
        _check(elements)
        before = len(self)
        results = self._answer(elements, binding=False)
        return Negotiated(results, len(self) > before)

    def _answer(self, elements: Sequence[ContextElement], *, binding: bool) -> tuple[ContextResult, ...]:
        results: list[ContextResult] = []
        accepted = False
        for element in elements:
            mask = offered_features(element) if binding else None
            if mask is not None:
                agreed = mask & SUPPORTED_FEATURES
                results.append(ContextResult(ContextOutcome.NEGOTIATE_ACK, agreed))
                continue
            result = self._one(element, accepted=accepted, binding=binding)
            accepted = accepted or result.result == ContextOutcome.ACCEPTANCE
            results.append(result)
        return tuple(results)

    def _one(self, element: ContextElement, *, accepted: bool, binding: bool) -> ContextResult:
        """Answer one element; `accepted` tells that an earlier one of this PDU was accepted."""
        interface = self._interface(element.abstract_syntax)
        if interface is None:
            return _UNKNOWN_ABSTRACT
        if accepted:
            return _NO_TRANSFER
        known = self._contexts.get(element.context_id)
        if known is not None and known.abstract_syntax != element.abstract_syntax:
            raise BadOffer(f"context {element.context_id} is offered again for another interface")
        with_ndr64 = NDR64 in element.transfer_syntaxes
        if known is not None and with_ndr64 and not known.with_ndr64:
            # Observed: where NDR64 is preferred this would redefine the context, and Samba's suite expects
            # the refusal of everybody. Nobody who offered NDR64 from the beginning is refused.
            raise BadOffer(f"context {element.context_id} is offered again, now with NDR64")
        if NDR20 not in element.transfer_syntaxes:
            return _NO_TRANSFER
        if known is None:
            if len(self._contexts) >= self._limit:
                return self._overflow(binding=binding)
            self._contexts[element.context_id] = PresentationContext(
                element.context_id, interface, element.abstract_syntax, NDR20, with_ndr64
            )
        return ContextResult(ContextOutcome.ACCEPTANCE, ProviderReason.NOT_SPECIFIED, NDR20)

    def _interface(self, wanted: SyntaxId) -> Interface | None:
        return next((one for one in self._interfaces if one.serves(wanted)), None)

    def _overflow(self, *, binding: bool) -> ContextResult:
        """A bind is refused as a whole, an alter_context for this element only.  MS-RPCE 3.3.3.5.5"""
        if binding:
            why = f"one presentation context too many: {beyond('contexts', self._limit)}"
            raise BadOffer(why, RejectReason.LOCAL_LIMIT_EXCEEDED)
        return _FULL


def _check(elements: Sequence[ContextElement]) -> None:
    """Refuse lists that mean nothing.  MS-RPCE 3.3.1.5.6"""
    if not elements:
        raise BadOffer("no contexts are offered", RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED)
    for element in elements:
        if not element.transfer_syntaxes:
            raise BadOffer(f"context {element.context_id} is offered without transfer syntaxes")

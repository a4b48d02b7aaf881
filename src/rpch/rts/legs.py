"""Which RTS PDUs may arrive where; with that, what a PDU is called.  MS-RPCH 2.2.4, 3.2

Many PDUs have the same bytes. The hop and the direction they travel tell most of them apart; the state
of the receiver, which only its machine knows, tells the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rpch.rts import pdus
from rpch.rts.commands import ForwardDestination as Party
from rpch.rts.pdus import CATALOGUE, RtsMessage, RtsPdu

Hop = tuple[str, Party]  # a place of a leg, by its usual name, and who receives there

ARRIVALS: Final[Mapping[Hop, tuple[type[RtsPdu], ...]]] = {
    ("IN-H", Party.IN_PROXY): (
        pdus.ConnB1,
        pdus.InR1A1,
        pdus.InR1A5,
        pdus.InR2A5,
        pdus.OutR1A7,
        pdus.OutR2A7,
        pdus.Ping,
        pdus.KeepAlive,
        pdus.AckWithDestination,
    ),
    ("IN-H", Party.CLIENT): (pdus.Echo,),
    ("IN-T", Party.SERVER): (
        pdus.ConnB2,
        pdus.InR1A2,
        pdus.InR1A6,
        pdus.InR1B1,
        pdus.InR2A2,
        pdus.OutR1A8,
        pdus.OutR2A7,
        pdus.OutR2A8,
        pdus.AckWithDestination,
    ),
    ("IN-T", Party.IN_PROXY): (pdus.ConnB3, pdus.InR1B2, pdus.Ack),
    ("OUT-H", Party.OUT_PROXY): (pdus.ConnA1, pdus.OutR1A3, pdus.OutR1A11, pdus.OutR2C1),
    ("OUT-H", Party.CLIENT): (
        pdus.ConnA3,
        pdus.ConnC2,
        pdus.InR1A4,
        pdus.InR2A4,
        pdus.OutR1A2,
        pdus.OutR1A6,
        pdus.OutR1A10,
        pdus.OutR2A6,
        pdus.OutR2B3,
        pdus.Echo,
        pdus.Ping,
        pdus.AckWithDestination,
    ),
    ("OUT-T", Party.SERVER): (pdus.ConnA2, pdus.OutR1A4, pdus.OutR2A4, pdus.PingTrafficSent, pdus.Ack),
    ("OUT-T", Party.OUT_PROXY): (
        pdus.ConnC1,
        pdus.InR1A3,
        pdus.InR2A3,
        pdus.OutR1A1,
        pdus.OutR1A5,
        pdus.OutR1A9,
        pdus.OutR2A5,
        pdus.OutR2B1,
        pdus.OutR2B2,
        pdus.AckWithDestination,
    ),
}

# One class stands for two PDUs where nothing at all tells them apart before the proxy has decided.
SECOND_NAMES: Final[Mapping[type[RtsPdu], str]] = {
    pdus.InR1A1: "IN_R2/A1",
    pdus.OutR1A1: "OUT_R2/A1",
    pdus.OutR1A2: "OUT_R2/A2",
    pdus.OutR1A3: "OUT_R2/A3",
}


def candidates(
    message: RtsMessage, *, place: str | None = None, receiver: Party | None = None
) -> tuple[type[RtsPdu], ...]:
    """What a message can be, where it is known to be; all that its bytes allow if that leaves nothing."""
    shaped = tuple(kind for kind in CATALOGUE if message.is_a(kind))
    expected = {
        kind
        for (where, who), kinds in ARRIVALS.items()
        if place in (None, where) and receiver in (None, who)
        for kind in kinds
    }
    return tuple(kind for kind in shaped if kind in expected) or shaped


def names(kinds: Iterable[type[RtsPdu]]) -> str:
    """The specification's names for PDUs of the same bytes."""
    return " = ".join(
        name for kind in kinds for name in (kind.NAME, SECOND_NAMES.get(kind)) if name is not None
    )

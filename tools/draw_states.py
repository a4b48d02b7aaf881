"""Draws the states of the four roles from their transition tables: `python -m tools.draw_states`.

It writes `docs/design/states.md`, whose diagrams are Mermaid; a test fails when the file is older than
the tables. With `--print` it prints instead.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from rpch.rts.pdus import RtsPdu
from rpch.vconn import client_states, inbound_states, mixed, outbound_states, server_states
from rpch.vconn.events import Event, Place

PAGE = Path("docs/design/states.md")
INTRODUCTION = """\
# The states of the four roles

Drawn from the transition tables in `src/rpch/vconn/*_states.py` by `python -m tools.draw_states`; do not
edit. A name such as CONN/A1 is an RTS PDU, with the leg it comes on where that matters; other labels are
events. What leads nowhere else is listed below each diagram. Whatever is not drawn ends the virtual
connection (MS-RPCH 3.2.2.5, 3.2.3.5, 3.2.4.5, 3.2.5.5), and so does the loss of any leg; RTS PDUs for
another party are passed on in any state (3.2.1.5.2).
"""

Edge = tuple[str, str, str]  # from, to, label
Label = type[RtsPdu] | type[Event] | tuple[Place | str, type[RtsPdu]]


def label(what: Label | str) -> str:
    """What moves a state, in words."""
    if isinstance(what, str):
        return what
    if isinstance(what, tuple):
        place, kind = what
        return f"{kind.NAME} on {place.value if isinstance(place, Place) else place}"
    return what.NAME if issubclass(what, RtsPdu) else what.__name__


def edges(*tables: Mapping[Any, Mapping[Any, Enum]]) -> Iterator[Edge]:
    """The arrows that tables describe; several reasons for one arrow share it."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for table in tables:
        for state, moves in table.items():
            for what, target in moves.items():
                reasons.setdefault((state.name, target.name), []).append(label(what))
    for (before, after), names in reasons.items():
        yield before, after, " or ".join(dict.fromkeys(names))


def diagram(
    beginnings: Iterable[tuple[str, str]], arrows: Iterable[Edge], endings: Iterable[str] = ()
) -> str:
    """One diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {state}{f' : {why}' if why else ''}" for state, why in beginnings]
    lines += [f"    {before} --> {after} : {why}" for before, after, why in arrows]
    lines += [f"    {state} --> [*]" for state in endings]
    return "\n".join([*lines, "```"])


def always(kinds: Iterable[type[RtsPdu]], where: str = "") -> str:
    """What is legal in every state and moves nothing."""
    names = ", ".join(kind.NAME for kind in kinds)
    return f"In any state{where}: {names}." if names else ""


def own(moves: Mapping[Any, Enum], why: str) -> dict[Any, dict[str, Enum]]:
    """A table of what a role does of its own accord."""
    return {state: {why: target} for state, target in moves.items()}


def inbound_section() -> Iterator[str]:
    """The inbound proxy."""
    states = inbound_states
    yield "## Inbound proxy (MS-RPCH 3.2.3)"
    yield diagram(
        [("CONNECTING", "CONN/B1 on IN-H"), ("CONNECTING_R1", "IN_R1/A1 on IN-H")],
        edges(states.MOVES, states.TRANSITIONS, own(states.OWN_MOVES, "IN_R1/B1 has left")),
        ["FINISHED"],
    )
    for place, kinds in states.ALWAYS.items():
        yield always(kinds, f" on {place.value}")


def outbound_section() -> Iterator[str]:
    """The outbound proxy."""
    states = outbound_states
    yield "## Outbound proxy (MS-RPCH 3.2.4)"
    yield diagram(
        [("CONNECTING", "CONN/A1 on OUT-H"), ("CONNECTING_R1", "OUT_R1/A3 on OUT-H")],
        edges(states.MOVES, states.TRANSITIONS, own(states.OWN_MOVES, "OUT_R1/A10 has left")),
        ["FINISHED"],
    )
    for place, kinds in states.ALWAYS.items():
        yield always(kinds, f" on {place.value}")


def server_section() -> Iterator[str]:
    """The server: the connection and its two channels."""
    states = server_states
    arrivals: dict[Enum, dict[str, Enum]] = {}
    for kind, (needed, target) in states.ARRIVALS.items():
        arrivals.setdefault(needed, {})[f"{kind.NAME} on a new leg"] = target

    def arriving(of: type[Enum]) -> dict[Enum, dict[str, Enum]]:
        return {state: moves for state, moves in arrivals.items() if isinstance(state, of)}

    lifetime = own(states.OWN_MOVES, "lifetime nearly used, OUT_R1/A1 sent")
    yield "## Server (MS-RPCH 3.2.5)"
    yield "The connection:"
    beginnings = [("B2W", "CONN/A2 on a new leg"), ("A2W", "CONN/B2 on a new leg")]
    closing: Iterable[Edge] = [("OPENED", "FINISHED", "any leg lost, or closed by the RPC layer")]
    connection = [*edges(arriving(states.ConnectionState)), *closing]
    yield diagram(beginnings, connection, ["FINISHED"])
    yield "The virtual IN channel, while the connection is open:"
    yield diagram([("OPENED", "")], edges(states.IN_TRANSITIONS, arriving(states.InChannelState)))
    yield "The virtual OUT channel, at the same time:"
    yield diagram([("OPENED", "")], edges(lifetime, arriving(states.OutChannelState), states.OUT_TRANSITIONS))
    for place, kinds in states.ALWAYS.items():
        yield always(kinds, f" on {place.value}")


def client_section() -> Iterator[str]:
    """The client: opening and its two channels."""
    states = client_states
    yield "## Client (MS-RPCH 3.2.2)"
    yield "Opening:"
    closing: Iterable[Edge] = [("OPENED", "CLOSED", "any channel lost, or closed by the user")]
    opening = [*edges(states.MOVES, states.OPENING_TRANSITIONS), *closing]
    yield diagram([("CHANNELS_WAIT", "both HTTP requests begun")], opening, ["CLOSED"])
    yield "The virtual IN channel, while the connection is open:"
    lifetime = own(states.IN_OWN_MOVES, "lifetime nearly used")
    yield diagram([("OPENED", "")], edges(lifetime, states.IN_MOVES, states.IN_TRANSITIONS))
    yield "The virtual OUT channel, at the same time:"
    yield diagram([("OPENED", "")], edges(states.OUT_MOVES, states.OUT_TRANSITIONS))
    yield always(states.ALWAYS, " on OUT-H")


def mixed_section() -> Iterator[str]:
    """The mixed proxy of version 1."""
    yield "## Mixed proxy, version 1 (MS-RPCH 3.1.2)"
    closing: Iterable[Edge] = [("OPENED", "FINISHED", "either leg lost")]
    arrows = [*edges(mixed.TRANSITIONS), *closing]
    yield diagram([("CLIENT_OPENED", "RPC_CONNECT")], arrows, ["FINISHED"])


def page() -> str:
    """The whole page."""
    sections = (inbound_section, outbound_section, server_section, client_section, mixed_section)
    paragraphs = [text for section in sections for text in section() if text]
    return "\n\n".join([INTRODUCTION.rstrip(), *paragraphs]) + "\n"


def main() -> int:
    """Writes the page, or prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    if parser.parse_args().print:
        print(page(), end="")
    else:
        PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The payloads of a trace are found again."""

import json
from dataclasses import dataclass
from functools import partial
from io import StringIO
from typing import Any

import pytest

from rpch.aio.tracing import describe_payload
from rpch.decode.traces import Payload, read_payloads
from rpch.errors import DecodeError
from rpch.testing.captures import BIND, RTS
from rpch.trace import Tracer, Turn
from rpch.vconn.events import Forward, Leg, Place, RpcArrived


@dataclass(frozen=True)
class Noted:
    what: str


def line(event: Any = None, actions: Any = (), **other: Any) -> str:
    """One line of a trace."""
    return json.dumps(
        {"time": 1.0, "role": "client", "connection": "x", "event": event, "actions": actions, **other}
    )


def test_what_a_tracer_wrote_is_read_again() -> None:
    sink = StringIO()
    tracer = Tracer(sink, payload=partial(describe_payload, full=True))
    leg = Leg(Place.IN_H)
    tracer.write(
        Turn(1.5, "inbound", "10111213…", RpcArrived(leg, BIND), "A", "B", [Forward(leg, BIND), Noted("x")])
    )
    tracer.write(Turn(2.5, "inbound", "10111213…", RpcArrived(leg, RTS["Ping"]), "A", "B", []))
    assert list(read_payloads(sink.getvalue().splitlines(keepends=True))) == [
        Payload(1.5, "inbound", "10111213…", "IN-H#1", True, BIND),
        Payload(1.5, "inbound", "10111213…", "IN-H#1", False, BIND),
        Payload(2.5, "inbound", "10111213…", "IN-H#1", True, RTS["Ping"]),
    ]


def test_a_trace_without_payloads_gives_none() -> None:
    shown = {"is": "RpcArrived", "run": {"bytes": 4}}
    assert list(read_payloads([line(shown), "\n", line(None), line("text"), line({"run": "text"})])) == []


def test_payloads_that_are_no_hex_are_passed_over() -> None:
    assert list(read_payloads([line({"data": {"hex": "zz"}}), line({"data": {"hex": 5}})])) == []


@pytest.mark.parametrize(
    "broken",
    ["nonsense", "{}", "[]", "5", '{"time": null}', line(time="late"), line(actions=5), "[" * 100_000],
)
def test_a_line_that_is_no_turn_is_named(broken: str) -> None:
    first = line() + "\n"
    with pytest.raises(DecodeError, match=f"line 2 is no turn of a trace, at byte {len(first)}"):
        list(read_payloads([first, broken]))

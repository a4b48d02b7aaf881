"""Carries out what a machine decides. It never decides anything itself.

One driver serves all four roles. Every turn of every machine passes `feed`, so one line there traces
everything. What only one role orders (connect, open a channel, deliver) goes to its `carry_out`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rpch.aio.alarm import Alarm
from rpch.aio.leg import LegConnection
from rpch.trace import Tracer, Turn, short
from rpch.vconn.events import (
    Action,
    CloseLeg,
    Event,
    Forward,
    Leg,
    PassOn,
    ReadOn,
    Send,
    SetKeepalive,
    StopReading,
    Tick,
)
from rpch.vconn.machine import Machine


class Driver:
    """One machine, its connections and its timer."""

    __slots__ = (
        "_alarm",
        "_carry_out",
        "_hooks",
        "_loop",
        "_tracer",
        "after_turn",
        "legs",
        "machine",
    )

    def __init__(
        self, machine: Machine, carry_out: Callable[[Action], None], tracer: Tracer | None = None
    ) -> None:
        self.machine = machine
        self.legs: dict[Leg, LegConnection] = {}
        self._carry_out, self._tracer = carry_out, tracer
        self.after_turn: Callable[[], None] | None = None
        self._hooks = self.feed, self._detached  # made once, since each is an object for every leg
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._tick)

    def attach(self, connection: LegConnection) -> None:
        """Let a connection's events come here and this machine's bytes go there."""
        self.legs[connection.leg] = connection
        connection.feed, connection.on_detached = self._hooks

    def feed(self, event: Event) -> None:
        """One turn."""
        machine = self.machine
        if self._tracer is None:
            actions = machine.handle(event, self._loop.time())
        else:
            before, now = machine.condition, self._loop.time()
            actions = machine.handle(event, now)
            name = short(machine.virtual_connection)
            after = machine.condition
            self._tracer.write(Turn(now, machine.ROLE.name, name, event, before, after, actions))
        if actions:
            self.perform(actions)
        if machine.deadline != self._alarm.deadline:
            self._alarm.set(machine.deadline)
        if self.after_turn is not None:
            self.after_turn()

    def start(self, actions: list[Action]) -> None:
        """Carry out a machine's first orders, and begin to watch its deadline."""
        self.perform(actions)
        self._alarm.set(self.machine.deadline)

    def perform(self, actions: list[Action]) -> None:
        """Turn orders into I/O, in their order."""
        legs = self.legs
        for action in actions:
            # `type` and not `match`: this comes first for every run of RPC PDUs.
            if type(action) is Forward:
                if (connection := legs.get(action.leg)) is not None:
                    connection.write(action.run)
            else:
                self._perform(action)

    def _perform(self, action: Action) -> None:
        match action:
            case Send(leg=leg, pdu=pdu):
                if (connection := self.legs.get(leg)) is not None:
                    connection.write(pdu.encode())
            case PassOn(leg=leg, data=data):
                if (connection := self.legs.get(leg)) is not None:
                    connection.write(data)
            case CloseLeg(leg=leg):
                if (connection := self.legs.pop(leg, None)) is not None:
                    connection.close()
            case SetKeepalive(leg=leg, interval=interval):
                if (connection := self.legs.get(leg)) is not None:
                    connection.keep_alive(interval)
            case StopReading(leg=leg) | ReadOn(leg=leg):
                if (connection := self.legs.get(leg)) is not None:
                    connection.read_on(isinstance(action, ReadOn))
            case _:
                self._carry_out(action)

    def _detached(self, connection: LegConnection) -> None:
        """A connection is gone. Its machine may have no order for that: predecessors go by themselves."""
        if self.legs.get(connection.leg) is connection:
            del self.legs[connection.leg]

    def _tick(self) -> None:
        self.feed(Tick())

"""A world in which the four roles meet: clients, proxy nodes and one server, on a virtual clock.

Everything random comes from one seed: where a channel lands, how long each line takes in each
direction, how bytes are cut on the way, when somebody speaks and how much. After every turn of every
machine the world checks what must always hold, and at the end that everything said has arrived, in
order and once, and that nothing is left behind. A run that fails prints its trace and its seed.

    window      no receiver holds more than its window, no sender sends more than is offered
    lifetime    no HTTP body grows beyond its Content-Length
    legality    each RTS PDU goes only where the specification has it
    order       RPC PDUs arrive as they were sent: in order, once, unchanged
    rest        when nothing is on its way any more, nobody waits for anything
    ending      nobody ends by itself; when a leg is lost or somebody closes, all four end, and soon
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from rpch.dcerpc.framing import Bytes
from rpch.testing.clock import Clock
from rpch.testing.legality import check_said
from rpch.testing.lines import Line
from rpch.testing.parties import Node, ServerProcess
from rpch.testing.plans import Plan
from rpch.testing.script import tell
from rpch.testing.seats import ClientSeat, Seat, ServerSeat
from rpch.testing.talks import REQUEST, RESPONSE, Stream, sizes
from rpch.vconn.client import ClientConnection
from rpch.vconn.events import Action, Closed, CloseRequested, Consumed, Event, Send, Submit

STEPS = 1_000_000  # more than any run needs
SOON = 60.0  # seconds, in which everything that ends must have ended
AT_REST = "OPENED/OPENED"
TOLD = 150  # turns of the trace that a failure prints

Turn = tuple[float, Seat, Event | None, str, str, list[Action]]


class WorldBroken(AssertionError):
    """Something happened that must not, or did not happen that must."""


@dataclass(eq=False)
class Talk:
    """One virtual connection, from its two ends."""

    client: ClientSeat
    up: Stream
    down: Stream
    server: ServerSeat | None = None
    unconsumed: int = 0
    consuming: bool = False

    @property
    def name(self) -> bytes:
        return self.client.virtual_connection

    @property
    def complete(self) -> bool:
        return self.up.complete and self.down.complete and not self.unconsumed


class World:
    """Clients, nodes and a server, and what is on its way between them."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.clock = plan, Clock()
        self.random = Random(plan.seed)  # noqa: S311 - a simulation has to be repeatable
        self.seats: list[Seat] = []
        self.lines: list[Line] = []
        self.trace: list[Turn] = []
        self.said: Counter[str] = Counter()  # RTS PDUs, by name
        self.turns = 0
        self.at_turn: tuple[int, Callable[[], None]] | None = None
        self.disturbed_at: float | None = None
        self._numbers: Counter[object] = Counter()
        self.nodes = [Node(self, f"node{number}") for number in range(1, plan.nodes + 1)]
        self.server = ServerProcess(self)
        self.talks = [self._new_talk(number) for number in range(1, plan.clients + 1)]

    # What the seats ask for

    def choose_node(self) -> Node:
        """Where the load balancer sends the next request."""
        return self.random.choice([node for node in self.nodes if node.alive])

    def new_line(self, connection: bytes, near: str, far: str) -> Line:
        """A TCP connection between two parties."""
        line = Line(self.clock, self.random, self.plan.slowest, (near, far), connection)
        self.lines.append(line)
        return line

    def next_number(self, place: object) -> int:
        """Legs of one place are counted."""
        self._numbers[place] += 1
        return self._numbers[place]

    def watch(self, seat: Seat, event: Event | None, before: str, actions: list[Action]) -> None:
        """One turn has been taken: note it, and check what must always hold."""
        machine = seat.machine
        self.turns += 1
        self.trace.append((self.clock.now, seat, event, before, machine.condition, actions))
        for inlet in machine.inlets():
            if inlet.queued > inlet.size:
                raise WorldBroken(f"{seat} holds {inlet.queued} bytes in a window of {inlet.size}")
        for outlet in machine.outlets():
            window = outlet.window
            if not 0 <= window.available <= window.size:
                raise WorldBroken(f"{seat} may send {window.available} bytes into a window of {window.size}")
        for action in actions:
            check_said(machine.ROLE, action)
            if isinstance(action, Send):
                self.said[action.pdu.NAME] += 1
            elif isinstance(action, Closed) and action.why is not None and self.disturbed_at is None:
                raise WorldBroken(f"{seat} ended by itself: {action.why}")
        if self.at_turn is not None and self.turns == self.at_turn[0]:
            self.clock.after(0.0, self.at_turn[1])

    def opened(self, seat: Seat) -> None:
        """One of the ends is open: it may speak."""
        if isinstance(seat, ServerSeat):
            talk = self._talk_of(seat)
            talk.server = seat
            self._speak(talk.down, seat)
        elif isinstance(seat, ClientSeat):
            self._answer_at_once(self._talk_of(seat).up, seat)

    def delivered(self, seat: Seat, run: Bytes) -> None:
        """RPC PDUs have reached one of the ends."""
        talk = self._talk_of(seat)
        if seat is talk.client:
            talk.down.hear(run)
            self._answer_at_once(talk.up, seat)
            return
        talk.up.hear(run)
        self._answer_at_once(talk.down, seat)
        if self.plan.server_consumes_slowly:
            talk.unconsumed += len(run)
            self._consume(talk)

    # What happens

    def run(self) -> None:
        """Open, say everything, and come to rest."""
        with self._telling():
            for talk in self.talks:
                talk.client.start()
                self._speak(talk.up, talk.client)
            self.clock.settle(limit=STEPS)
            self._check_rest()

    def end(self, how: Callable[[], None]) -> None:
        """Let something happen after which all virtual connections must end."""
        with self._telling():
            self._disturb(how)
            self.clock.settle(limit=STEPS)
            self._check_rest()
            left = [seat for seat in self.seats if not seat.over]
            if left:
                raise WorldBroken(f"still there: {left}")

    def disturb_at(self, turn: int, how: Callable[[], None]) -> None:
        """Let something happen right after this turn of the run."""
        self.at_turn = (turn, lambda: self._disturb(how))

    # What may disturb

    def close_by_client(self) -> None:
        """The clients hang up."""
        for talk in self.talks:
            talk.client.feed(CloseRequested())

    def close_by_server(self) -> None:
        """The server hangs up."""
        for talk in self.talks:
            if talk.server is not None:
                talk.server.feed(CloseRequested())

    def lose_a_line(self, pick: int) -> None:
        """One of the TCP connections breaks."""
        lines = [line for line in self.lines if not line.closed and not line.broken]
        if lines:
            lines[pick % len(lines)].break_down()

    def kill_a_node(self, pick: int) -> None:
        """One of the proxies is gone, with all its connections."""
        alive = [node for node in self.nodes if node.alive]
        if len(alive) > 1:
            node = alive[pick % len(alive)]
            node.die()
            for line in self.lines:
                for end in (line.near, line.far):
                    if end.name.startswith(node.name):
                        line.break_down()
                        end.open = False

    # Inside

    def _new_talk(self, number: int) -> Talk:
        cookies = iter(lambda: self.random.randbytes(16), b"")
        machine = ClientConnection(self.plan.client, cookies, now=0.0)
        client = ClientSeat(self, f"client{number}", machine)
        plan, largest = self.plan, self.plan.largest
        answers = plan.pdus if plan.answers is None else plan.answers
        up = Stream("client to server", REQUEST, sizes(self.random, plan.pdus, largest))
        down = Stream("server to client", RESPONSE, sizes(self.random, answers, largest))
        return Talk(client, up, down)

    def _talk_of(self, seat: Seat) -> Talk:
        return next(talk for talk in self.talks if talk.name == seat.virtual_connection)

    def _speak(self, stream: Stream, seat: Seat) -> None:
        """Say a few PDUs, and the rest later."""
        if seat.over or stream.sent == len(stream.said):
            return
        random = self.random
        seat.feed(Submit(stream.take(random.choice((1, 1, 2, 5, 20)))))
        pause = random.uniform(0, self.plan.slowest)
        if self.plan.naps and random.random() < 0.02:
            pause = random.uniform(30.0, 3600.0)
        self.clock.after(pause, lambda: self._speak(stream, seat))

    def _answer_at_once(self, stream: Stream, seat: Seat) -> None:
        """Say something in the middle of a turn, as an RPC layer does that has an answer ready."""
        if self.plan.answers_at_once and self.random.random() < 0.5 and stream.sent < len(stream.said):
            seat.feed(Submit(stream.take(1)))

    def _consume(self, talk: Talk) -> None:
        if talk.consuming or not talk.unconsumed or talk.server is None or talk.server.over:
            return
        talk.consuming = True
        self.clock.after(self.random.uniform(0, self.plan.slowest), lambda: self._consumed(talk))

    def _consumed(self, talk: Talk) -> None:
        size = self.random.randint(1, talk.unconsumed)
        talk.consuming = False
        talk.unconsumed -= size
        if talk.server is not None:
            talk.server.feed(Consumed(size))
        self._consume(talk)

    def _disturb(self, how: Callable[[], None]) -> None:
        self.disturbed_at = self.clock.now
        how()

    def _check_rest(self) -> None:
        """Nothing is on its way: each virtual connection has ended or has said everything."""
        for talk in self.talks:
            seats = [seat for seat in self.seats if seat.virtual_connection == talk.name and not seat.over]
            lines = [line for line in self.lines if line.connection == talk.name and not line.closed]
            if self.disturbed_at is not None and not seats:
                if lines:
                    raise WorldBroken(f"all has ended, but {lines} are open")
                self._check_soon(talk)
                continue
            if not talk.complete:
                raise WorldBroken(
                    f"stalled: {talk.up.heard} of {len(talk.up.said)} up, {talk.down.heard} of "
                    f"{len(talk.down.said)} down, {talk.unconsumed} bytes unconsumed"
                )
            self._check_quiet(seats, lines)
        tables = sum(len(node.inbound) + len(node.outbound) for node in self.nodes if node.alive)
        living = sum(not seat.over for seat in self.seats if not isinstance(seat, ClientSeat))
        if tables + len(self.server.table) != living:
            raise WorldBroken(f"{tables} + {len(self.server.table)} entries for {living} machines")

    def _check_quiet(self, seats: list[Seat], lines: list[Line]) -> None:
        if len(seats) != 4 or len(lines) != 4:
            raise WorldBroken(f"four parties and four lines are expected, not {seats} and {lines}")
        for seat in seats:
            if seat.machine.condition not in (AT_REST, "OPENED"):
                raise WorldBroken(f"{seat} rests in {seat.machine.condition}")
            for outlet in seat.machine.outlets():
                if outlet.queue:
                    raise WorldBroken(f"{seat} still has something to send")

    def _check_soon(self, talk: Talk) -> None:
        ended = max(seat.ended_at for seat in self.seats if seat.virtual_connection == talk.name)
        if self.disturbed_at is not None and ended > self.disturbed_at + SOON:
            raise WorldBroken(f"it took {ended - self.disturbed_at:.1f} s to end")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """A failure tells how it came to it."""
        try:
            yield
        except Exception as error:
            raise WorldBroken(f"{error}\n{self.told()}\n{self.plan}") from error

    def told(self, turns: int = TOLD) -> str:
        """The last turns of the trace."""
        lines: list[str] = []
        for now, seat, event, before, after, actions in self.trace[-turns:]:
            happened = "start" if event is None else tell(event)
            lines.append(f"{now:12.4f} {seat!r:12} {before} -> {after}: {happened}")
            lines += [f"{'':26}{tell(action)}" for action in actions]
        return "\n".join(lines)

"""A farm of proxy processes that share nothing, for a relay in front. Each can be killed and drained."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.processes import Program, free_port, is_listening
from tests.interop.relays import ALICE
from tests.interop.rpch_commands import RPCH, json_lines

SHORTEST = 131_072
TARGET = "server:6001"
DRAINED_WITHIN = 30.0


class Node:
    """One place in the farm: a port, and whichever process serves it now."""

    def __init__(self, folder: Path, place: str, options: Sequence[str]) -> None:
        self.port = free_port()
        self._folder, self._programs, self._serves = folder, list[Program](), False
        self._command: list[str | Path] = [
            *(RPCH, "proxy", "--listen", f"127.0.0.1:{self.port}", "--no-tls", "--json"),
            *("--user", f"{ALICE.domain}\\{ALICE.user}:{ALICE.password}"),
            *("--valid-ports", TARGET, "--route", f"{TARGET}={place}", *options),
        ]

    def start(self) -> None:
        """Serve, from when this returns."""
        self._serves = False
        program = Program(self._command, self._folder, name=f"rpch-{self.port}")
        self._programs.append(program)
        program.wait_for(lambda: is_listening("127.0.0.1", self.port), what="listening port")
        self._serves = True

    def kill(self) -> None:
        """End it as a crash would."""
        os.kill(self._programs[-1].pid, signal.SIGKILL)

    def begin_to_drain(self) -> None:
        """SIGTERM."""
        os.kill(self._programs[-1].pid, signal.SIGTERM)

    def drained(self) -> float:
        """Wait for its end, which must be a clean one; how many seconds that took."""
        began, program = time.monotonic(), self._programs[-1]
        while program.status is None:
            assert time.monotonic() < began + DRAINED_WITHIN, f"no end in time:\n{program.output()}"
            time.sleep(0.01)
        assert program.status == 0, program.output()
        return time.monotonic() - began

    @property
    def pid(self) -> int | None:
        """The process that serves now; None while one starts."""
        return self._programs[-1].pid if self._serves else None

    def count(self, event: str) -> int:
        """How often its log says this."""
        lines = [line for program in self._programs for line in json_lines(program.stderr)]
        return sum(line["event"] == event for line in lines)

    def events(self, name: str, channel: str = "") -> list[str]:
        """The connections with which something has happened here, one entry each time."""
        lines = [line for program in self._programs for line in json_lines(program.stderr)]
        found = [line for line in lines if line["event"] == name and channel in ("", line.get("channel"))]
        return [line["connection"] for line in found]

    def stop(self) -> None:
        """The test is over."""
        for program in self._programs:
            program.stop(signal.SIGKILL)


@contextmanager
def nodes(
    folder: Path, place: str, count: int, *, lifetime: int = SHORTEST, grace: float = 20.0
) -> Iterator[list[Node]]:
    """So many proxies for a server at `place`."""
    options = ("--channel-lifetime", str(lifetime), "--grace", str(grace))
    made = [Node(folder, place, options) for _ in range(count)]
    try:
        for node in made:
            node.start()
        yield made
    finally:
        for node in made:
            node.stop()

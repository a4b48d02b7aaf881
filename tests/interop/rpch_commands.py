"""Our own long-running commands, started as a person would start them."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.interop.processes import Program

RPCH = Path(sys.executable).with_name("rpch")


class Served:
    """A long-running rpch command that has said it is ready."""

    def __init__(self, program: Program, ready: dict[str, Any]) -> None:
        self.program, self.ready = program, ready

    @property
    def address(self) -> str:
        """The first `host:port` where it serves."""
        listen: list[str] = self.ready["listen"]
        return listen[0]

    @property
    def port(self) -> int:
        """The port of `address`."""
        return int(self.address.rpartition(":")[2])

    def log(self) -> list[dict[str, Any]]:
        """Every line of its log so far."""
        return list(json_lines(self.program.stderr))

    def channels(self) -> set[str]:
        """Which kinds of channel it has opened, IN and OUT."""
        return {line["channel"] for line in self.log() if line["event"] == "opened"}


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file that are JSON objects."""
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            yield json.loads(line)


@contextmanager
def serving(folder: Path, command: str, *args: str | Path) -> Iterator[Served]:
    """`rpch COMMAND … --json`, from its ready line until SIGTERM, which must end it with status 0."""
    program = Program([RPCH, command, *args, "--json"], folder, name=f"rpch-{command}")
    ready: list[dict[str, Any]] = []

    def said_ready() -> bool:
        ready.extend(line for line in json_lines(program.stdout) if line.get("event") == "ready")
        return bool(ready)

    try:
        program.wait_for(said_ready, what="ready line")
        yield Served(program, ready[0])
    except BaseException:
        program.stop()
        raise
    assert program.stop() == 0, f"SIGTERM did not end {program.name} cleanly"

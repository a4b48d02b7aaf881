"""A long-running `rpch` command in a process of its own, as an administrator starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-c", "from rpch.cli import main; main()")


class RpchProcess:
    """The process, and the line with which it said that it serves."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any], log: Path) -> None:
        self._process, self.ready, self._log = process, ready, log

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(str(self.ready["listen"][0]).rpartition(":")[2])

    @property
    def log(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        lines = self._log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self._process.terminate()
        return self._process.wait(15)


@contextmanager
def rpch_process(*arguments: str, log: Path) -> Iterator[RpchProcess]:
    """Run a command until the end of a test; `log` takes its standard error."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*COMMAND, *arguments, "--json"], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text("utf-8")
            yield RpchProcess(process, json.loads(line), log)
        finally:
            if process.poll() is None:
                process.kill()

"""Programs that a test starts on this machine and stops again."""

import os
import random
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

START_WITHIN = 20.0
STOP_WITHIN = 10.0
LOOK_EVERY = 0.02


class Program:
    """A started program: its own process group, and a file for each of its two outputs."""

    def __init__(
        self,
        args: Sequence[str | Path],
        folder: Path,
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name = name or Path(args[0]).name
        number = len(list(folder.glob("*.stdout")))
        self.stdout = folder / f"{self.name}-{number}.stdout"
        self.stderr = folder / f"{self.name}-{number}.stderr"
        with self.stdout.open("wb") as out, self.stderr.open("wb") as err:
            self._process = subprocess.Popen(
                args,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=None if env is None else {**os.environ, **env},
                pass_fds=pass_fds,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The program's process id; also the id of its group."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._process.poll()

    def output(self) -> str:
        """All that it has printed so far."""
        texts = [path.read_text("utf-8", "replace") for path in (self.stdout, self.stderr)]
        return "\n".join(text for text in texts if text)

    def wait_for(self, ready: Callable[[], bool], *, what: str, within: float = START_WITHIN) -> None:
        """Returns as soon as `ready` says so; fails when the program ends first or time is up."""
        deadline = time.monotonic() + within
        while not ready():
            if self.status is not None:
                raise AssertionError(f"{self.name} ended with {self.status} before {what}:\n{self.output()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: no {what} within {within} s:\n{self.output()}")
            time.sleep(LOOK_EVERY)

    def stop(self, sign: int = signal.SIGTERM) -> int:
        """Ends the program and whatever it started; its exit status. The test's report shows what it said."""
        if self.status is None:
            os.kill(self.pid, sign)
        try:
            status = self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            print(f"{self.name} had to be killed")
            os.kill(self.pid, signal.SIGKILL)
            status = self._process.wait(STOP_WITHIN)
        for sign_to_group in (signal.SIGTERM, signal.SIGKILL):
            if not self._signal_group(sign_to_group):
                break
            time.sleep(LOOK_EVERY)
        print(f"---- {self.name} ended with {status}\n{self.output()[-20_000:]}")
        return status

    def _signal_group(self, sign: int) -> bool:
        """Whether anything of the program's group was left to signal."""
        try:
            os.killpg(self.pid, sign)
        except ProcessLookupError:
            return False
        return True


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def private_address(*ports: int) -> str:
    """An address of loopback where these well-known ports are free, for peers that choose no others."""
    for _ in range(100):
        address = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"
        if not any(is_listening(address, port) for port in ports):
            return address
    raise AssertionError(f"no address of loopback has {ports} free")


def is_listening(address: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def run_once(
    args: Sequence[str | Path], *, stdin: str = "", within: float = 40.0, env: Mapping[str, str] | None = None
) -> str:
    """Runs a program to its end; what it printed. Fails, with everything it said, unless it ended with 0."""
    try:
        done = subprocess.run(
            args,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
            env=None if env is None else {**os.environ, **env},
        )
    except subprocess.TimeoutExpired as late:
        said = b"\n".join(text for text in (late.stdout, late.stderr) if text).decode(errors="replace")
        raise AssertionError(f"{args[0]} did not end within {within} s:\n{said}") from None
    if done.returncode:
        raise AssertionError(f"{args[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def wait_until_closed(read_end: int, within: float = START_WITHIN) -> bool:
    """Whether the other end of a pipe was closed in time: how some daemons say that they are ready."""
    readable, _, _ = select.select([read_end], [], [], within)
    return bool(readable)

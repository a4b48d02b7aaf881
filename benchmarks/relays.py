"""The relays that are compared, and the back end behind them, started as one would start them."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import shutil
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.lines import TARGET, Way
from tests.interop.processes import Program, free_port, is_listening
from tests.interop.relays import Authority
from tests.interop.rpch_commands import json_lines, serving

USER, PASSWORD = r"LAB\bench", "benchmark"
AUTHORIZATION: Final = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
HAPROXY: Final = """
global
    nbthread 1
    maxconn 8000
    tune.bufsize 16384
defaults
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen tcp
    mode tcp
    bind 127.0.0.1:{tcp}
    server back_end 127.0.0.1:{direct}
listen http
    mode http
    option http-no-delay
    http-reuse never
    bind 127.0.0.1:{http}
    server back_end 127.0.0.1:{channels}
"""


class NoHaproxy(Exception):
    """HAProxy is needed for comparison, and is not installed."""

    def __str__(self) -> str:
        return "haproxy is not installed; as root: apt-get install haproxy"


@dataclass(frozen=True)
class Relay:
    """One way to the back end, and the process that stands in it."""

    way: Way
    process: int | None


@contextmanager
def relays(folder: Path, window: int) -> Iterator[dict[str, Relay]]:
    """Every way, by name, while their processes run. Meanwhile what is printed is lost.

    `window` is what every party of a virtual connection announces.
    """
    with ExitStack() as stack:
        # Started programs print what they have said when they stop, which only a test's report wants.
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        ports = stack.enter_context(_back_end(folder, window))
        authority = Authority(folder)
        process, tcp, http = stack.enter_context(_haproxy(folder, ports))
        options = ("--receive-window", str(window))
        plain = stack.enter_context(_rpch(folder, ports, "--no-tls", *options))
        files = ("--tls-cert", str(authority.certificate), "--tls-key", str(authority.key))
        secure = stack.enter_context(_rpch(folder, ports, *files, *options))
        _keep_apart(ports["process"], [process, plain[0], secure[0]])
        trust = ssl.create_default_context(cafile=authority.ca)
        yield {
            "direct": Relay(Way("direct", ports["direct"]), None),
            "haproxy-tcp": Relay(Way("haproxy-tcp", tcp), process),
            "haproxy-http": Relay(Way("haproxy-http", http, window, http=True), process),
            "rpch": Relay(Way("rpch", plain[1], window, True, AUTHORIZATION), plain[0]),
            "rpch-tls": Relay(Way("rpch-tls", secure[1], window, True, AUTHORIZATION, trust), secure[0]),
        }


def _keep_apart(back_end: int, relays: list[int]) -> None:
    """Give the relays a processor of their own, and everything else the others, if there are any.

    A relay that shares one is interrupted by whom it wakes, as often as it pleases the scheduler, and its CPU
    time then says more about that than about the relay.
    """
    *others, own = sorted(os.sched_getaffinity(0))
    if others:
        for process in (os.getpid(), back_end):
            os.sched_setaffinity(process, others)
        for process in relays:
            os.sched_setaffinity(process, {own})


@contextmanager
def _back_end(folder: Path, window: int) -> Iterator[dict[str, Any]]:
    program = Program([sys.executable, "-m", "benchmarks.back_end", str(window)], folder, name="back-end")
    with _stopped(program):
        program.wait_for(lambda: bool(list(json_lines(program.stdout))), what="ports")
        yield json.loads(program.stdout.read_text("utf-8"))


@contextmanager
def _haproxy(folder: Path, ports: dict[str, Any]) -> Iterator[tuple[int, int, int]]:
    if shutil.which("haproxy") is None:
        raise NoHaproxy
    tcp, http = free_port(), free_port()
    settings = folder / "haproxy.cfg"
    settings.write_text(HAPROXY.format(tcp=tcp, http=http, **ports), "utf-8")
    program = Program(["haproxy", "-db", "-f", settings], folder)
    with _stopped(program):
        for port in (tcp, http):
            program.wait_for(partial(is_listening, "127.0.0.1", port), what="listening port")
        yield program.pid, tcp, http


@contextmanager
def _rpch(folder: Path, ports: dict[str, Any], *options: str) -> Iterator[tuple[int, int]]:
    target = f"{TARGET.host}:{TARGET.port}"
    rules = ("--user", f"{USER}:{PASSWORD}", "--valid-ports", target)
    route = ("--route", f"{target}=127.0.0.1:{ports['legs']}")
    with serving(folder, "proxy", "--listen", "127.0.0.1:0", *options, *rules, *route) as served:
        yield served.program.pid, served.port


@contextmanager
def _stopped(program: Program) -> Iterator[None]:
    try:
        yield
    finally:
        program.stop()

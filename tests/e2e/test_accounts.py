"""Accounts in a database, behind real proxies: guessing is counted by all of them, and tells nothing."""

from __future__ import annotations

import json
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.opening import Directory
from tests.interop.rpch_commands import RPCH, Served, serving

pytestmark = pytest.mark.slow

ALICE, BOB, CAROL = (Identity(name, "LAB") for name in ("alice", "bob", "carol"))
PAIRS, SERIES = 30, 3
LOCKED_AFTER = PAIRS * SERIES + 20
GENEROUS = f"""\
[throttle]
per-account-and-source = {LOCKED_AFTER}
per-source = 9999
per-account = 9999
per-minute = 9999
"""


@contextmanager
def proxying(folder: Path, *options: str, more: str = "") -> Iterator[Served]:
    """`rpch proxy` over a database with three accounts."""
    database = folder / "rpch.sqlite3"
    with closing(Directory.open(str(database))) as directory:
        directory.store.add(ALICE, "secret", ntlm=True)
        directory.store.add(BOB, "hidden")
        directory.store.add(CAROL, "locked")
        directory.store.set_enabled("bob", enabled=False)
    config = folder / "proxy.toml"
    config.write_text(f'no-tls = true\nvalid-ports = "localhost:593"\ndatabase = "{database}"\n{more}')
    with serving(folder, "proxy", "--listen", "127.0.0.1:0", "--config", str(config), *options) as proxy:
        yield proxy


def asked(proxy: Served, user: str, password: str) -> tuple[int, float]:
    """The status of an echo request with these credentials, and how long it took."""
    token = b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Length": "0"}
    with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=20)) as connection:
        connection.connect()
        began = time.perf_counter()
        connection.request("RPC_IN_DATA", "/rpc/rpcproxy.dll?localhost:593", headers=headers)
        status = connection.getresponse().status
        return status, time.perf_counter() - began


def users(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """What `rpch users` tells."""
    command = [str(RPCH), "users", *arguments, "--data", str(folder), "--json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def test_workers_count_a_thousand_wrong_passwords_together(tmp_path: Path) -> None:
    with proxying(tmp_path, "--workers", "2") as proxy:
        assert asked(proxy, r"LAB\alice", "secret")[0] == 200
        with ThreadPoolExecutor(100) as threads:
            guesses = [threads.submit(asked, proxy, "alice", f"guess-{n}") for n in range(1000)]
            assert {guess.result()[0] for guess in guesses} == {401}
        refused = [line for line in proxy.log() if line.get("rule") == "Throttle"]
        wrong = [line for line in proxy.log() if line.get("rule") == "WrongCredentials"]
        assert (len(wrong), len(refused)) == (5, 995)
        assert asked(proxy, "alice", "secret")[0] in (200, 401)  # the worker that knew it may still know it
        users(tmp_path, "unlock", "alice")
        assert asked(proxy, "alice", "secret")[0] == 200


def test_what_is_changed_holds_without_a_restart(tmp_path: Path) -> None:
    with proxying(tmp_path) as proxy:
        assert asked(proxy, "bob", "hidden")[0] == 401
        users(tmp_path, "enable", "bob")
        assert asked(proxy, "bob", "hidden")[0] == 200
        (line,) = [line for line in proxy.log() if line.get("rule") == "AccountDisabled"]
        assert line["detail"] == r"user 'LAB\\bob'"


def test_the_time_of_a_refusal_does_not_tell_who_exists(tmp_path: Path) -> None:
    """Known, unknown, disabled and locked in turn, so that whatever else this machine does hits all alike.

    A difference that tells something is there in every series; one by chance is not.
    """
    with proxying(tmp_path, more=GENEROUS) as proxy:
        for number in range(LOCKED_AFTER):
            asked(proxy, "carol", f"guess-{number}")
        refusals(proxy, 3)  # the first ones take longer
        told: list[dict[str, float]] = []
        while len(told) < SERIES and (not told or in_all(told)):
            told.append(told_apart(refusals(proxy, PAIRS)))
        locked = [line for line in proxy.log() if line.get("rule") == "Throttle"]
    assert len(locked) == 3 + PAIRS * len(told)
    assert not in_all(told), told


def refusals(proxy: Served, count: int) -> dict[str, list[float]]:
    """How many seconds each took, of so many for everybody."""
    names = ("alice", "nobody", "bob", "carol")
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(count):
        for name in names[number % 4 :] + names[: number % 4]:
            status, seconds = asked(proxy, name, f"wrong-{name}-{uuid4()}")
            assert status == 401
            times[name].append(seconds)
    return times


def told_apart(times: dict[str, list[float]]) -> dict[str, float]:
    """Whose refusals take another time than a known user's, in medians; nobody's, if all is well."""
    known = median(times["alice"])
    noise = median(abs(each - known) for each in times["alice"])
    medians = {name: median(each) for name, each in times.items()}
    return {name: each for name, each in medians.items() if abs(each - known) >= max(noise, 0.1 * known) > 0}


def in_all(told: list[dict[str, float]]) -> set[str]:
    """Who was told apart in every series."""
    return set.intersection(*(set(series) for series in told))

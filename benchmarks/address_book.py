"""Dumps a large address book over RPC/HTTP: `python -m benchmarks.address_book --entries 100000`.

It fills a directory, starts `rpch up` on it, and reads the global address list through the proxy, once by one
client and once by several at a time. It prints rates and the memory of the server before, between and after.
"""

import argparse
import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from rpch.client.connect import connect
from rpch.directory.entries import Entries, EntryKind, NewEntry, Value
from rpch.directory.links import MEMBER, Links
from rpch.exchange.nspi.client import open_address_book
from rpch.exchange.nspi.conditions import Compares, Contains
from rpch.exchange.nspi.tags import Tag
from rpch.front.lab import lab_directory, lab_users

RPCH = (sys.executable, "-c", "from rpch.cli import main; main()")
FIRST = ("Anna", "Ben", "Carla", "David", "Eva", "Frank", "Greta", "Hans", "Ida", "Jan", "Klara", "Lars")
LAST = ("Müller", "Schmidt", "Novák", "García", "Rossi", "Andersson", "Dubois", "Kowalski", "Smith", "Tanaka")
PARTS = ("Sales", "Development", "Finance", "Support", "Legal", "Marketing")
TAGS = (
    Tag.DISPLAY_NAME,
    Tag.SMTP_ADDRESS,
    Tag.TITLE,
    Tag.DEPARTMENT_NAME,
    Tag.BUSINESS_TELEPHONE,
    Tag.ENTRYID,
    Tag.DISPLAY_TYPE,
)


def fill(folder: Path, count: int) -> float:
    """A directory of so many people; how long it took."""
    rng = random.Random(1)
    started = time.monotonic()
    with closing(lab_directory(folder, lab_users(folder))) as directory:
        entries, links = Entries(directory.database), Links(directory.database)
        for start in range(0, count, 5000):
            made = entries.add(*(_person(rng, start + at) for at in range(min(5000, count - start))))
            (group,) = entries.add(NewEntry(EntryKind.GROUP, f"Group {start // 5000}"))
            links.add(group.id, MEMBER, *(entry.id for entry in made[::10]))
    return time.monotonic() - started


def _person(rng: random.Random, number: int) -> NewEntry:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    attributes: dict[str, Value] = {
        "givenName": first,
        "sn": last,
        "title": rng.choice(("Engineer", "Manager", "Clerk")),
        "department": rng.choice(PARTS),
        "company": "Example",
        "l": "Berlin",
        "telephoneNumber": f"+49 30 {number:07}",
    }
    name = f"{first} {last} {number}"
    alias = f"u{number}"
    return NewEntry(EntryKind.USER, name, alias=alias, mail=f"{alias}@lab.example", attributes=attributes)


def memory(pid: int) -> int:
    """The resident memory of a process, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


async def dump(ready: dict[str, Any]) -> int:
    """Read everything once; how many rows there were."""
    rows = 0
    async with _connected(ready) as client, open_address_book(client) as book:
        async for _ in book.rows(TAGS):
            rows += 1
    return rows


def _connected(ready: dict[str, Any]) -> Any:
    port, user = ready["listen"][0].rpartition(":")[2], ready["users"][0]
    return connect(
        f"ncacn_http:localhost[6004,RpcProxy=localhost:{port}]",
        user=user["name"],
        password=user["password"],
        scheme="Basic",
        tls=ssl.create_default_context(cafile=ready["ca"]),
    )


async def searches(ready: dict[str, Any]) -> None:
    """A few questions, each timed."""
    async with _connected(ready) as client, open_address_book(client) as book:
        questions: dict[str, Callable[[], Awaitable[object]]] = {
            "resolve 'u77777'": lambda: book.resolve(["u77777"], TAGS),
            "resolve 'anna m' (ambiguous)": lambda: book.resolve(["anna m"], TAGS),
            "matching PR_ANR 'u777'": lambda: book.matching(Compares(4, Tag.ANR, "u777"), TAGS, most=5000),
            "matching title contains 'xyz' (all)": lambda: book.matching(Contains(1, Tag.TITLE, "xyz"), TAGS),
            "seek 'klara'": lambda: book.seek("klara", TAGS),
        }
        for name, ask in questions.items():
            await ask()
            started = time.monotonic()
            await ask()
            print(f"  {name}: {(time.monotonic() - started) * 1000:.1f} ms")


def report(what: str, rows: int, took: float, pid: int) -> None:
    """One line."""
    print(
        f"{what}: {rows} rows in {took:.1f} s, {rows / took:.0f} rows/s; server {memory(pid)} MiB", flush=True
    )


async def measure(ready: dict[str, Any], pid: int, clients: int) -> None:
    """All that is to be known."""
    for number in (1, 2, 3):
        started = time.monotonic()
        rows = await dump(ready)
        report(f"dump {number}", rows, time.monotonic() - started, pid)
    started = time.monotonic()
    rows = sum(await asyncio.gather(*(dump(ready) for _ in range(clients))))
    report(f"{clients} at a time", rows, time.monotonic() - started, pid)
    await searches(ready)
    print(f"afterwards: server {memory(pid)} MiB")


def main() -> None:
    """Fill, serve, read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{options.entries} entries written in {fill(folder, options.entries):.1f} s")
        command = (*RPCH, "up", "--listen", "127.0.0.1:0", "--data", name, "--json")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                assert server.stdout is not None
                ready = json.loads(server.stdout.readline())
                print(f"before anybody asks: server {memory(server.pid)} MiB")
                asyncio.run(measure(ready, server.pid, options.clients))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()

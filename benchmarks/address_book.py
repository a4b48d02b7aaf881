"""What it costs to read a whole address book over RPC/HTTP: `python -m benchmarks.address_book`.

Books of several sizes are dumped through `rpch up`: TLS, proxy, server and book in one process, our client in
another. Beside it the same rows are read straight from the database, in this process and with no network; and
impacket decodes what our client decodes. So there are ratios, and how they change with the size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import ssl
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec
from impacket.dcerpc.v5 import nspi

from benchmarks.books import fill, serving
from benchmarks.usage import cpu_seconds, resident_bytes
from rpch.client.connect import connect
from rpch.directory.database import DEFAULT_FILE
from rpch.exchange.nspi.client import AddressBook, open_address_book, properties
from rpch.exchange.nspi.conditions import Compares, Contains
from rpch.exchange.nspi.operations.rows import Row
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.structures import Stat
from tests.interop.laboratory import Laboratory

TAGS: Final = (
    Tag.DISPLAY_NAME,
    Tag.SMTP_ADDRESS,
    Tag.TITLE,
    Tag.DEPARTMENT_NAME,
    Tag.BUSINESS_TELEPHONE,
    Tag.ENTRYID,
    Tag.DISPLAY_TYPE,
)
SAME_ROWS: Final = """
    select display_name, mail, attributes, dn, kind from entries
    where kind != 'container' and not hidden order by display_name
"""
PAGE: Final = 500
AT_LEAST: Final = 30_000  # rows in a measurement: small books are read several times
ROUNDS: Final = 3
EQUAL, SUBSTRING = 4, 1
MICRO, MILLI, MEBI = 1e6, 1e3, 1 << 20


@dataclass
class Figures:
    """Of one book: times are microseconds a row, memory is MiB of the server's process.

    `dump` is by the clock and depends on what else the machine does; the others are CPU time.
    """

    entries: int
    dump: float
    server: float
    client: float
    sql: float
    memory_before: float
    memory_middle: float
    memory_after: float
    questions: dict[str, float]

    @property
    def times_sql(self) -> float:
        """What a dump costs the server, as a multiple of reading the database."""
        return self.server / self.sql


async def measure(lab: Laboratory, folder: Path) -> Figures:
    """Everything about one book."""
    pid = lab.served.program.pid
    domain, user, password = lab.account
    async with (
        connect(
            f"ncacn_http:localhost[6004,RpcProxy=localhost:{lab.served.port}]",
            user=rf"{domain}\{user}",
            password=password,
            scheme="Basic",
            tls=ssl.create_default_context(cafile=lab.ca),
        ) as client,
        open_address_book(client) as book,
    ):
        entries = await dump(book)  # now the server has read the book, and sorted it
        before, middle = resident_bytes(pid), [0]

        async def once() -> None:
            rows = 0
            async for _ in book.rows(TAGS, at_once=PAGE):
                rows += 1
                if rows == entries // 2:
                    middle[0] = resident_bytes(pid)

        samples = [await _sample(once, entries, pid) for _ in range(ROUNDS)]
        after, questions = resident_bytes(pid), await ask(book)
    dumped, server, own = (median(column) for column in zip(*samples, strict=True))
    sql = median(_per_row(lambda: read_database(folder), entries) for _ in range(ROUNDS))
    first, second, third = (round(size / MEBI, 1) for size in (before, middle[0], after))
    return Figures(entries, dumped, server, own, sql, first, second, third, questions)


async def ask(book: AddressBook) -> dict[str, float]:
    """A few questions, each asked for the second time: milliseconds."""
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "resolve an alias": lambda: book.resolve(["u777"], TAGS),
        "resolve, ambiguous": lambda: book.resolve(["anna m"], TAGS),
        "ANR restriction": lambda: book.matching(Compares(EQUAL, Tag.ANR, "u777"), TAGS, most=5000),
        "title contains": lambda: book.matching(Contains(SUBSTRING, Tag.TITLE, "xyz"), TAGS),
        "seek": lambda: book.seek("klara", TAGS),
    }
    taken = {}
    for name, question in questions.items():
        await question()
        started = time.perf_counter()
        await question()
        taken[name] = (time.perf_counter() - started) * MILLI
    return taken


async def dump(book: AddressBook) -> int:
    """How many rows there are, having read all."""
    return len([None async for _ in book.rows(TAGS, at_once=PAGE)])


async def _sample(once: Any, entries: int, pid: int) -> tuple[float, float, float]:
    """Time, the server's CPU time and our own, in microseconds a row."""
    times = max(1, AT_LEAST // entries)
    cpu, own, started = cpu_seconds(pid), time.process_time(), time.perf_counter()
    for _ in range(times):
        await once()
    spent = (time.perf_counter() - started, cpu_seconds(pid) - cpu, time.process_time() - own)
    took, server, client = (each / (times * entries) * MICRO for each in spent)
    return took, server, client


def _per_row(work: Callable[[], object], rows: int, *, at_least: int = AT_LEAST) -> float:
    times = max(1, at_least // rows)
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / (times * rows) * MICRO


def read_database(folder: Path) -> int:
    """The same values of the same rows, page by page; how many."""
    decode, rows = msgspec.json.Decoder(dict[str, Any]).decode, 0
    with closing(sqlite3.connect(folder / "data" / DEFAULT_FILE)) as database:
        cursor = database.execute(SAME_ROWS)
        while page := cursor.fetchmany(PAGE):
            for name, mail, attributes, dn, kind in page:
                more = decode(attributes)
                values = (name, mail, more.get("title"), more.get("department"), dn, kind)
                rows += bool(values)
    return rows


def decoding() -> tuple[float, float]:
    """Our client's time to decode a page, and impacket's for the same bytes: microseconds a row."""
    row: Row = [
        (Tag.DISPLAY_NAME, "Anna Müller 12345"),
        (Tag.SMTP_ADDRESS, "u12345@lab.example"),
        (Tag.TITLE, "Engineer"),
        (Tag.DEPARTMENT_NAME, "Development"),
        (Tag.BUSINESS_TELEPHONE, "+49 30 0012345"),
        (Tag.ENTRYID, bytes(120)),
        (Tag.DISPLAY_TYPE, 0),
    ]
    stub = wire.StatRowsResponse(Stat(*[0] * 9), [row] * PAGE, 0).encode()

    def ours() -> int:
        return len([properties(each) for each in wire.StatRowsResponse.decode(stub).rows or ()])

    def theirs() -> int:
        return len(nspi.simplifyPropertyRowSet(nspi.NspiQueryRowsResponse(stub)["ppRows"]))

    assert ours() == theirs() == PAGE
    return _per_row(ours, PAGE), _per_row(theirs, PAGE, at_least=PAGE)


def show(figures: list[Figures], ours: float, theirs: float) -> None:
    """A table for people."""
    print(f"{'':9}{'':9}  CPU time a row, µs")
    print(f"{'entries':>9}{'rows/s':>9}{'server':>9}{'client':>9}{'SQL':>9}{'server/SQL':>12}", end="")
    print("   server's memory, MiB: before, middle, after")
    for each in figures:
        print(
            f"{each.entries:9,}{MICRO / each.dump:9,.0f}{each.server:9.1f}{each.client:9.1f}{each.sql:9.1f}"
            f"{each.times_sql:12.1f}   {each.memory_before:g}, {each.memory_middle:g}, {each.memory_after:g}"
        )
    print(f"milliseconds: {', '.join(figures[0].questions)}")
    for each in figures:
        print(f"{each.entries:9,}   {', '.join(f'{taken:.1f}' for taken in each.questions.values())}")
    print(f"to decode a row: {ours:.1f} µs; impacket {theirs:.1f} µs, {theirs / ours:.0f} times as long")


def main() -> int:
    """Fill, serve, read; then more of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.address_book", description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    chosen, figures = parser.parse_args(), []
    with tempfile.TemporaryDirectory(prefix="rpch-bench-") as name:
        folder = Path(name)
        for start, entries in pairwise([0, *sorted(chosen.entries)]):
            fill(folder, start, entries)
            with serving(folder) as lab:
                figures.append(asyncio.run(measure(lab, folder)))
    ours, theirs = decoding()
    show(figures, ours, theirs)
    if chosen.json is not None:
        books = [{**asdict(each), "times_sql": each.times_sql} for each in figures]
        told = {"books": books, "decoding": {"rpch": ours, "impacket": theirs}}
        chosen.json.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

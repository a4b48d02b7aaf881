"""What must hold for every address book; tests ask it of some, `tools.check_address_book` of thousands."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from rpch.exchange.nspi.book.book import Book
from rpch.exchange.nspi.operations.browsing import query_rows, update_stat
from rpch.exchange.nspi.operations.positions import CURRENT, END
from rpch.exchange.nspi.operations.searching import get_matches
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Stat
from tests.address_books import Binaries, stat
from tests.property.plain_names import DEFAULT, LOCALES, plain_order
from tests.property.random_books import RandomBook, meets, random_book, random_condition

NOTHING = Binaries()


def check_matches(seed: int, *, conditions: int) -> None:
    """GetMatches finds exactly those whom a plain filter finds, in the order of the table."""
    rng = random.Random(seed)
    made = random_book(rng)
    order = _order(made, DEFAULT)
    for number in range(conditions):
        condition = random_condition(rng)
        found = get_matches(made.book, NOTHING, stat(), condition, 1000, None).mids
        wanted = {record.mid for record in made.visible() if meets(record, condition)}
        assert found == [mid for mid in order if mid in wanted], (
            f"seed {seed}, condition {number}: {condition}"
        )


def check_walks(seed: int) -> None:
    """A table is the same read at once, in pieces, forwards, backwards and by fractions."""
    rng = random.Random(seed)
    made = random_book(rng)
    locale = rng.choice(LOCALES)
    order = _order(made, locale)
    start = stat(locale=locale)
    assert _forwards(made.book, start, lambda: 100) == order, f"seed {seed}"
    assert _forwards(made.book, start, lambda: rng.randint(1, 7)) == order, f"seed {seed}"
    assert _backwards(made.book, start) == order[::-1], f"seed {seed}"
    _check_moves(made.book, start, order, rng)


def _order(made: RandomBook, locale: int) -> list[int]:
    """The table, sorted the plain way."""
    records = sorted(made.visible(), key=lambda each: (plain_order(each.name, locale), each.name, each.mid))
    return [record.mid for record in records]


def _rows(book: Book, where: Stat, count: int) -> tuple[Stat, list[int]]:
    after, rows = query_rows(book, NOTHING, 0, where, None, count, [Tag.INSTANCE_KEY])
    values = [value for row in rows for _, value in row]
    return after, [int.from_bytes(value, "little") for value in values if isinstance(value, bytes)]


def _forwards(book: Book, where: Stat, size: Callable[[], int]) -> list[int]:
    found: list[int] = []
    while where.current_rec != END:
        where, some = _rows(book, where, size())
        found += some
        assert where.num_pos == len(found)
        if not some:
            break
    return found


def _backwards(book: Book, where: Stat) -> list[int]:
    """From the end, one row at a time."""
    found: list[int] = []
    where, _ = update_stat(book, replace(where, current_rec=END))
    while where.num_pos:
        where, moved = update_stat(book, replace(where, delta=-1))
        assert moved == -1
        found += _rows(book, where, 1)[1]
    return found


def _check_moves(book: Book, where: Stat, order: list[int], rng: random.Random) -> None:
    """Any move leads where the rules say, and a fraction to its row."""
    total = len(order)
    for _ in range(5):
        delta, parts = rng.randint(-total - 2, total + 2), rng.randint(1, 50)
        part = rng.randint(0, parts + 1)
        fraction = replace(where, current_rec=CURRENT, num_pos=part, total_recs=parts, delta=delta)
        after, moved = update_stat(book, fraction)
        begin = min(total * part // parts, total)
        wanted = min(max(begin + delta, 0), total)
        assert (after.num_pos, after.total_recs, moved) == (wanted, total, wanted - begin)
        assert after.current_rec == (order[wanted] if wanted < total else END)

"""Counts of wrong guesses that every process and every machine of a farm shares.

One statement adds to a counter and says what it came to, and the database lets one transaction at a time do
that: of any number that count at once, as many get through as the bound says. Counters are taken in the
order of their keys, so that two transactions never wait for each other.

What is counted is stored as digests: names that people type (sometimes a password among them) and addresses
cannot be read back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, Dialect, Float, bindparam, case, delete, func, select, update
from sqlalchemy.sql.dml import ReturningInsert

from rpch.auth.counters import Bound, Counted, Exceeded, Key
from rpch.auth.throttle import ACCOUNT, PAIR
from rpch.directory.database import Database
from rpch.directory.tables import COUNTERS
from rpch.directory.upserts import insert_or
from rpch.directory.vault import Vault

SWEEP_EVERY: Final = 60.0
_OF_AN_ACCOUNT: Final = frozenset({PAIR, ACCOUNT})


class _TooMany(Exception):
    """Undoes the transaction that counted too far."""

    def __init__(self, bound: Bound) -> None:
        super().__init__()
        self.bound = bound


class DatabaseCounters:
    """A `CounterStore` in a database."""

    def __init__(self, database: Database, vault: Vault, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` is the time of day, which machines that share counters must agree on."""
        self._database, self._vault, self._clock = database, vault, clock
        self._swept = clock()
        self._one_more = _one_more(database.dialect)

    async def count(self, bounds: Sequence[Bound]) -> Counted | Exceeded:
        """Count one more of everything, or of nothing."""
        return await self._database.run(self._count, bounds)

    async def take_back(self, keys: Sequence[Key]) -> None:
        """Count one less."""
        await self._database.run(self._change, keys)

    async def forgive(self, keys: Sequence[Key], *, forget: Key, remember: Key, during: float) -> None:
        """Count one less, forget and remember."""
        await self._database.run(self._change, keys, forget=forget, remember=remember, during=during)

    def unlock(self, account: str) -> None:
        """Forget every wrong guess at an account (as `account_of` names it), from wherever it came."""
        with self._database.write() as connection:
            mine = COUNTERS.c.subject == self._vault.digest("subject", account)
            connection.execute(delete(COUNTERS).where(mine))

    def guesses(self, accounts: Sequence[str]) -> dict[str, int]:
        """How many wrong guesses at each of these accounts count now, from sources that do not know it."""
        by_digest = {self._digest((ACCOUNT, account)): account for account in accounts}
        live = COUNTERS.c.until > self._clock()
        wanted = select(COUNTERS.c.key, COUNTERS.c.count.label("number")).where(
            live, COUNTERS.c.subject.is_not(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return {by_digest[row.key]: row.number for row in rows if row.key in by_digest}

    def _count(self, bounds: Sequence[Bound]) -> Counted | Exceeded:
        now = self._clock()
        self._sweep(now)
        keys = {self._digest(bound.key): bound for bound in bounds}
        reasons = {self._digest(bound.unless): bound for bound in bounds if bound.unless is not None}
        with self._database.read() as connection:
            counts = _live(connection, [*keys, *reasons], now)
        excused = {bound.unless for digest, bound in reasons.items() if counts.get(digest)}
        counted = {digest: bound for digest, bound in keys.items() if bound.unless not in excused}
        for digest, bound in counted.items():
            if counts.get(digest, 0) >= bound.most:
                return Exceeded(bound)  # most guesses end here, and cost no writing
        try:
            with self._database.write() as connection:
                for digest in sorted(counted):
                    bound = counted[digest]
                    if self._add(connection, bound.key, now, bound.window) > bound.most:
                        raise _TooMany(bound)
        except _TooMany as refused:
            return Exceeded(refused.bound)
        return Counted(tuple(bound.key for bound in counted.values()))

    def _change(
        self,
        keys: Sequence[Key],
        *,
        forget: Key | None = None,
        remember: Key | None = None,
        during: float = 0.0,
    ) -> None:
        less = [{"digest": digest} for digest in sorted(map(self._digest, keys))]
        with self._database.write() as connection:
            if less:
                connection.execute(_ONE_LESS, less)
            gone = [self._digest(key) for key in (forget, remember) if key is not None]
            if gone:
                connection.execute(delete(COUNTERS).where(COUNTERS.c.key.in_(gone)))
            if remember is not None:
                self._add(connection, remember, self._clock(), during)

    def _add(self, connection: Connection, key: Key, now: float, window: float) -> int:
        """One more; the count within the window, or the first of a new one."""
        values = {
            "digest": self._digest(key),
            "subject": self._subject(key),
            "now": now,
            "then": now + window,
        }
        count: int = connection.execute(self._one_more, values).scalar_one()
        return count

    def _sweep(self, now: float) -> None:
        """Throw away, from time to time, what no longer counts."""
        if now - self._swept >= SWEEP_EVERY:
            self._swept = now
            with self._database.write() as connection:
                connection.execute(delete(COUNTERS).where(COUNTERS.c.until <= now))

    def size(self) -> int:
        """How many counters there are."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(COUNTERS)).scalar_one()

    def _digest(self, key: Key) -> str:
        return self._vault.digest(*key)

    def _subject(self, key: Key) -> str | None:
        return self._vault.digest("subject", key[1]) if key[0] in _OF_AN_ACCOUNT else None


def _one_more(dialect: Dialect) -> ReturningInsert[int]:
    """Adds to a counter, or begins it anew when its window is over. Built once: that is slow."""
    now, then = bindparam("now", type_=Float), bindparam("then", type_=Float)
    over = COUNTERS.c.until <= now
    first = {"key": bindparam("digest"), "subject": bindparam("subject"), "until": then, "count": 1}
    again = {
        "count": case((over, 1), else_=COUNTERS.c.count + 1),
        "until": case((over, then), else_=COUNTERS.c.until),
    }
    insert = insert_or(dialect, COUNTERS).values(first)
    return insert.on_conflict_do_update(index_elements=["key"], set_=again).returning(COUNTERS.c.count)


_LIVE: Final = select(COUNTERS.c.key, COUNTERS.c.count.label("number")).where(
    COUNTERS.c.key.in_(bindparam("digests", expanding=True)), COUNTERS.c.until > bindparam("now")
)
_ONE_LESS: Final = (
    update(COUNTERS)
    .where(COUNTERS.c.key == bindparam("digest"), COUNTERS.c.count > 0)
    .values(count=COUNTERS.c.count - 1)
)


def _live(connection: Connection, digests: Sequence[str], now: float) -> dict[str, int]:
    rows = connection.execute(_LIVE, {"digests": digests, "now": now})
    return {row.key: row.number for row in rows}

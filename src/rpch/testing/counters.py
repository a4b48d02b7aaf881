"""What every store of counts must do, whatever it keeps them in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rpch.auth.counters import Bound, Counted, CounterStore, Exceeded

A, B, TRUSTED = ("account", "A"), ("account", "B"), ("trusted", "A", "here")
WINDOW = 10.0


async def check_counter_store(
    make: Callable[[Callable[[], float]], CounterStore], *, at_once: int = 200
) -> None:
    """Everything a `CounterStore` promises. `make` makes an empty one with the clock it is given."""
    for check in (_check_bounds, _check_windows, _check_all_or_nothing, _check_forgiveness, _check_trust):
        clock = _Clock()
        await check(make(clock), clock)
    await _check_parallel(make(_Clock()), at_once)


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def _check_bounds(store: CounterStore, clock: _Clock) -> None:
    bound = Bound(A, 3, WINDOW)
    for _ in range(3):
        _expect(await store.count([bound]), Counted((A,)))
    _expect(await store.count([bound]), Exceeded(bound))
    _expect(await store.count([Bound(B, 3, WINDOW)]), Counted((B,)))
    await store.take_back([A])
    _expect(await store.count([bound]), Counted((A,)))
    _expect(await store.count([bound]), Exceeded(bound))


async def _check_windows(store: CounterStore, clock: _Clock) -> None:
    bound = Bound(A, 1, WINDOW)
    _expect(await store.count([bound]), Counted((A,)))
    clock.now += WINDOW - 0.1
    _expect(await store.count([bound]), Exceeded(bound))
    clock.now += 0.1
    _expect(await store.count([bound]), Counted((A,)))
    _expect(await store.count([bound]), Exceeded(bound))


async def _check_all_or_nothing(store: CounterStore, clock: _Clock) -> None:
    full, free = Bound(A, 1, WINDOW), Bound(B, 1, WINDOW)
    _expect(await store.count([full]), Counted((A,)))
    _expect(await store.count([free, full]), Exceeded(full))
    _expect(await store.count([free]), Counted((B,)))


async def _check_forgiveness(store: CounterStore, clock: _Clock) -> None:
    pair, source = Bound(A, 2, WINDOW), Bound(B, 3, WINDOW)
    for _ in range(2):
        await store.count([pair, source])
    await store.forgive([A, B], forget=A, remember=TRUSTED, during=100.0)
    for _ in range(2):
        _expect(await store.count([pair, source]), Counted((A, B)))
    _expect(await store.count([source]), Exceeded(source))
    await store.take_back([("account", "nobody")])


async def _check_trust(store: CounterStore, clock: _Clock) -> None:
    bound = Bound(B, 0, WINDOW, unless=TRUSTED)
    _expect(await store.count([bound]), Exceeded(bound))
    await store.forgive([], forget=A, remember=TRUSTED, during=100.0)
    _expect(await store.count([bound, Bound(A, 1, WINDOW)]), Counted((A,)))
    clock.now += 99.0
    await store.forgive([], forget=A, remember=TRUSTED, during=100.0)
    clock.now += 99.0
    _expect(await store.count([bound]), Counted(()))
    clock.now += 1.0
    _expect(await store.count([bound]), Exceeded(bound))


async def _check_parallel(store: CounterStore, at_once: int) -> None:
    """However many count at once, exactly as many get through as are allowed."""
    most = at_once // 4
    bounds = [Bound(A, most, WINDOW), Bound(B, at_once, WINDOW)]
    answers = await asyncio.gather(*(store.count(bounds) for _ in range(at_once)))
    _expect(sum(isinstance(answer, Counted) for answer in answers), most)
    one_more = Bound(B, most + 1, WINDOW)
    _expect(await store.count([one_more]), Counted((B,)))
    _expect(await store.count([one_more]), Exceeded(one_more))


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"the store answered {found} instead of {expected}")

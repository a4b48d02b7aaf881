"""The ladder climbs what can be climbed, and says why the rest was left out."""

from collections.abc import Awaitable, Callable, Iterator
from itertools import count

import pytest

from rpch.errors import RpchError, TransportError
from rpch.probe.ladder import Explanation, NotTried, Outcome, Report, Step, StepResult, climb


async def works() -> str:
    return "seen"


async def breaks() -> str:
    raise TransportError("it broke")


def step(name: str, run: Callable[[], Awaitable[str]] = works, *needs: str, needed: bool = True) -> Step:
    return Step(name, name.upper(), run, needs, needed)


def ticking() -> Callable[[], float]:
    """A clock that goes on by one second each time somebody looks."""
    seconds: Iterator[int] = count()
    return lambda: float(next(seconds))


async def climbed(*steps: Step, hopeless: bool = False) -> list[StepResult]:
    def explain(name: str, error: RpchError) -> Explanation:
        return Explanation(f"{name}: {error}", "mend it", hopeless)

    return list(await climb(steps, explain, ticking()))


async def test_steps_are_taken_in_order_and_timed() -> None:
    results = await climbed(step("dns"), step("tcp", works, "dns"))
    assert [result.outcome for result in results] == [Outcome.OK, Outcome.OK]
    assert [result.seconds for result in results] == [1.0, 1.0]
    assert [result.detail for result in results] == ["seen", "seen"]


async def test_what_stands_on_a_failure_is_skipped_and_says_on_which() -> None:
    failed, above, higher, beside = await climbed(
        step("tcp", breaks), step("tls", works, "tcp"), step("echo", works, "tls"), step("other")
    )
    assert failed.explanation == Explanation("tcp: it broke", "mend it")
    assert (failed.outcome, failed.detail, failed.seconds) == (Outcome.FAILED, "it broke", 1.0)
    assert (above.outcome, above.detail) == (Outcome.SKIPPED, "not tried, since TCP did not work")
    assert (higher.outcome, higher.detail) == (Outcome.SKIPPED, "not tried, since TLS did not work")
    assert (above.seconds, above.explanation) == (0.0, None)
    assert beside.outcome is Outcome.OK


async def test_a_step_may_find_that_it_cannot_be_tried() -> None:
    async def does_not_try() -> str:
        raise NotTried("there is nothing to try")

    skipped, above = await climbed(step("recycle", does_not_try), step("more", works, "recycle"))
    assert (skipped.outcome, skipped.detail) == (Outcome.SKIPPED, "there is nothing to try")
    assert above.outcome is Outcome.SKIPPED


async def test_nothing_is_tried_after_a_hopeless_failure() -> None:
    _, beside = await climbed(step("echo", breaks), step("other"), hopeless=True)
    assert (beside.outcome, beside.detail) == (Outcome.SKIPPED, "not tried, since ECHO failed")


async def test_a_step_that_is_not_there_is_no_ground_to_stand_on() -> None:
    (result,) = await climbed(step("tls", works, "tcp"))
    assert result.detail == "not tried, since tcp did not work"


async def test_whoever_watches_hears_of_each_step_that_is_tried() -> None:
    heard: list[str] = []
    steps = [step("dns", breaks), step("tcp", works, "dns"), step("other")]
    await climb(steps, lambda name, error: Explanation("", ""), ticking(), lambda one: heard.append(one.name))
    assert heard == ["dns", "other"]


async def test_our_own_mistakes_are_not_explained_away() -> None:
    async def wrong() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await climbed(step("dns", wrong))


@pytest.mark.parametrize(("needed", "ok"), [(True, False), (False, True)])
async def test_only_what_is_needed_fails_the_whole(needed: bool, ok: bool) -> None:
    results = await climbed(step("mapper", breaks, needed=needed), step("port"))
    assert Report("target", tuple(results)).ok is ok

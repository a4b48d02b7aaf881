"""A ladder: steps in an order where each stands on those below it.

A step says in one line what it saw, or raises what went wrong. A step whose ground has failed is skipped;
one that stands on something else is still climbed, since it may tell more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rpch.errors import RpchError


@dataclass(frozen=True)
class Step:
    """One thing to try."""

    name: str
    title: str
    run: Callable[[], Awaitable[str]]
    needs: tuple[str, ...] = ()
    needed: bool = True
    """Whether the whole ladder fails with it."""


class NotTried(Exception):
    """A step finds that it cannot be tried here, or should not; what it says is why."""


@dataclass(frozen=True)
class Explanation:
    """What happened, and what to do about it, in plain words."""

    cause: str
    cure: str
    hopeless: bool = False
    """Whether nothing above can work, or trying it would do harm."""


class Outcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class StepResult:
    """How one step ended, in how many seconds, and what there is to say about it."""

    step: Step
    outcome: Outcome
    seconds: float
    detail: str
    explanation: Explanation | None = None


@dataclass(frozen=True)
class Report:
    """How a whole ladder went."""

    target: str
    results: tuple[StepResult, ...]

    @property
    def ok(self) -> bool:
        """Whether every step that is needed worked."""
        return not any(it.outcome is Outcome.FAILED and it.step.needed for it in self.results)


Explain = Callable[[str, RpchError], Explanation]
"""The cause and the cure of an error, by the name of the step it came from."""


def _nobody(step: Step) -> None:
    """Nobody watches."""


async def climb(
    steps: Sequence[Step],
    explain: Explain,
    clock: Callable[[], float],
    started: Callable[[Step], None] = _nobody,
) -> tuple[StepResult, ...]:
    """Try the steps one after the other; `started` hears of each that is tried."""
    results: dict[str, StepResult] = {}
    for step in steps:
        if why := _in_the_way(step, results):
            results[step.name] = StepResult(step, Outcome.SKIPPED, 0.0, why)
            continue
        started(step)
        begun = clock()
        try:
            detail = await step.run()
        except NotTried as why:
            results[step.name] = StepResult(step, Outcome.SKIPPED, 0.0, str(why))
        except RpchError as error:
            explanation = explain(step.name, error)
            seconds = clock() - begun
            results[step.name] = StepResult(step, Outcome.FAILED, seconds, str(error), explanation)
        else:
            results[step.name] = StepResult(step, Outcome.OK, clock() - begun, detail)
    return tuple(results.values())


def _in_the_way(step: Step, results: dict[str, StepResult]) -> str:
    """Why a step is not worth trying; empty when it is."""
    for result in results.values():
        if result.explanation is not None and result.explanation.hopeless:
            return f"not tried, since {result.step.title} failed"
    for name in step.needs:
        below = results.get(name)
        if below is None or below.outcome is not Outcome.OK:
            return f"not tried, since {below.step.title if below else name} did not work"
    return ""

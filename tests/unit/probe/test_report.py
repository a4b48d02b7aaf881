"""One object for programs, a table for people; colour only where somebody sees it."""

import io
import json

from rich.console import Console

from rpch.probe.ladder import Explanation, Outcome, Report, Step, StepResult
from rpch.probe.report import as_object, print_report


async def nothing() -> str:
    return ""


def result(
    name: str, outcome: Outcome, detail: str, explanation: Explanation | None = None, *, needed: bool = True
) -> StepResult:
    seconds = 0.0 if outcome is Outcome.SKIPPED else 0.0125
    return StepResult(Step(name, name.upper(), nothing, (), needed), outcome, seconds, detail, explanation)


WRONG = Explanation("The port is closed.", "Open [it].")
FINE = Report(
    "ncacn_http:server[593]", (result("tcp", Outcome.OK, "to [::1]"), result("call", Outcome.OK, ""))
)
BAD = Report(
    "ncacn_http:server[593]",
    (
        result("tcp", Outcome.OK, "connected"),
        result("port", Outcome.FAILED, "refused", WRONG),
        result("call", Outcome.SKIPPED, "not tried"),
    ),
)
HALF = Report("x", (result("mapper", Outcome.FAILED, "refused", WRONG, needed=False), *FINE.results))


def shown(report: Report, *, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=100, force_terminal=terminal, color_system="standard" if terminal else None
    )
    print_report(report, console)
    return out.getvalue()


def test_the_object_has_every_step_and_survives_json() -> None:
    found = json.loads(json.dumps(as_object(BAD)))
    assert (found["target"], found["ok"]) == ("ncacn_http:server[593]", False)
    assert found["steps"][1] == {
        "name": "port",
        "title": "PORT",
        "status": "failed",
        "ok": False,
        "needed": True,
        "milliseconds": 12.5,
        "detail": "refused",
        "cause": "The port is closed.",
        "cure": "Open [it].",
    }
    assert [step["ok"] for step in found["steps"]] == [True, False, None]
    assert (found["steps"][2]["milliseconds"], found["steps"][2]["cause"]) == (0.0, None)


def test_the_table_shows_cause_and_cure_under_the_failure() -> None:
    lines = shown(BAD).splitlines()
    assert lines[0] == "ncacn_http:server[593]"
    at = next(number for number, line in enumerate(lines) if line.startswith("PORT"))
    assert "failed" in lines[at]
    assert "12.5 ms" in lines[at]
    assert lines[at + 1].split() == ["cause", "The", "port", "is", "closed."]
    assert lines[at + 2].split() == ["cure", "Open", "[it]."]
    assert "ms" not in lines[at + 3]
    assert lines[-1] == "It fails at: PORT."


def test_the_last_line_says_how_far_it_went() -> None:
    assert shown(FINE).splitlines()[-1] == "Calls get through."
    assert "to [::1]" in shown(FINE)
    assert shown(Report("x", FINE.results[:1])).splitlines()[-1] == "All steps work."


def test_a_failure_that_does_not_matter_says_so() -> None:
    assert "failed, not needed" in shown(HALF)
    assert shown(HALF).splitlines()[-1] == "Calls get through."


def test_only_a_terminal_gets_colours() -> None:
    assert "\x1b[" not in shown(BAD)
    assert "\x1b[" in shown(BAD, terminal=True)

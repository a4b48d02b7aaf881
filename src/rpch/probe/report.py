"""How a climbed ladder is shown: one object for programs, a table for people."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rpch.probe.ladder import Outcome, Report, StepResult

_OK: Final[dict[Outcome, bool | None]] = {Outcome.OK: True, Outcome.FAILED: False, Outcome.SKIPPED: None}
_STYLES: Final = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}
_NOT_NEEDED: Final = "yellow"


def as_object(report: Report) -> dict[str, Any]:
    """What `--json` prints. `ok` of a step that was skipped is null."""
    return {"target": report.target, "ok": report.ok, "steps": [_step(it) for it in report.results]}


def _step(result: StepResult) -> dict[str, Any]:
    explanation = result.explanation
    return {
        "name": result.step.name,
        "title": result.step.title,
        "status": result.outcome.value,
        "ok": _OK[result.outcome],
        "needed": result.step.needed,
        "milliseconds": round(1000 * result.seconds, 3),
        "detail": result.detail,
        "cause": explanation.cause if explanation else None,
        "cure": explanation.cure if explanation else None,
    }


def print_report(report: Report, console: Console) -> None:
    """A table of all steps, and under each failure its cause and its cure."""
    table = Table(box=None, pad_edge=False)
    table.add_column("step", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("what was seen", overflow="fold")
    for result in report.results:
        table.add_row(result.step.title, _outcome(result), _time(result), escape(result.detail))
        if result.explanation is not None:
            table.add_row("", "", "cause", escape(result.explanation.cause))
            table.add_row("", "", "cure", f"[bold]{escape(result.explanation.cure)}[/bold]")
    console.print(f"[bold]{escape(report.target)}[/bold]", soft_wrap=True)
    console.print(table)
    console.print(_summary(report))


def _outcome(result: StepResult) -> str:
    failed_freely = result.outcome is Outcome.FAILED and not result.step.needed
    style = _NOT_NEEDED if failed_freely else _STYLES[result.outcome]
    words = "failed, not needed" if failed_freely else result.outcome.value
    return f"[{style}]{words}[/{style}]"


def _time(result: StepResult) -> str:
    return "" if result.outcome is Outcome.SKIPPED else f"{1000 * result.seconds:.1f} ms"


def _summary(report: Report) -> str:
    if report.ok:
        return "[green]Calls get through.[/green]" if _reached(report) else "[green]All steps work.[/green]"
    first = next(it for it in report.results if it.outcome is Outcome.FAILED and it.step.needed)
    return f"[bold red]It fails at: {escape(first.step.title)}.[/bold red]"


def _reached(report: Report) -> bool:
    """Whether the ladder went as far as a call."""
    return any(it.step.name == "call" and it.outcome is Outcome.OK for it in report.results)

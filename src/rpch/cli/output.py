"""What a command prints: one JSON line an event for programs, sentences for people."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table


def print_event(event: str, **facts: Any) -> None:
    """One JSON line on standard output."""
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def print_line(text: str) -> None:
    """One line for people on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """One line on standard error that a person should read."""
    sys.stderr.write(f"warning: {text}\n")


def print_text(text: str) -> None:
    """Text of several lines on standard output, as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def print_table(table: Table) -> None:
    """A table for people on standard output; what stands in it is no markup."""
    Console(markup=False, highlight=False).print(table)

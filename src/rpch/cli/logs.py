"""Where log lines go: standard error, for people or for programs."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

MASKED = frozenset({"authorization", "password", "token", "secret", "hash"})


def mask_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """No line shows a secret, whoever wrote it."""
    for name in MASKED.intersection(event):
        event[name] = "***"
    return event


def configure_logs(*, json: bool, verbose: bool = False) -> None:
    """Log lines to standard error: JSON for programs, columns for people."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        logger_factory=lambda *_: _StandardError(),
        cache_logger_on_first_use=False,  # so that a later configuration holds for everybody
    )


class _StandardError:
    """Writes each line in one piece, since processes share it, to what standard error is by then."""

    def msg(self, message: str) -> None:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = fatal = failure = exception = log = msg

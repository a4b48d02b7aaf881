"""Where a command gets a new password from: never from its arguments, which everybody here can see."""

from __future__ import annotations

import os
import sys
from typing import Final

import typer

from rpch.errors import ConfigError

VARIABLE: Final = "RPCH_NEW_PASSWORD"  # not the caller's own password


def new_password(who: str, *, from_stdin: bool) -> str:
    """The first line of standard input if asked for, else the environment's, else what is typed twice."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    if not sys.stdin.isatty():
        problem = f"nobody can be asked for it here; give --password-stdin, or set {VARIABLE}"
        raise ConfigError("password", problem)
    typed: str = typer.prompt(f"New password of {who}", hide_input=True, confirmation_prompt=True, err=True)
    return typed

"""Where a command gets the password of whoever uses it: never from its arguments alone, which everybody sees.

The order is: what stands after a colon in the argument, the environment, the keyring, and whoever sits there.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import typer

from rpch.cli.output import warn
from rpch.client.password_store import SERVICE, stored_password
from rpch.errors import ConfigError

USER_VARIABLE: Final = "RPCH_USER"
PASSWORD_VARIABLE: Final = "RPCH_PASSWORD"  # noqa: S105 - a name, not a password
USER_HELP: Final = (
    rf"'DOMAIN\name', or {USER_VARIABLE}. The password: {PASSWORD_VARIABLE}, the keyring, or it is asked for."
)


def name_and_password(
    user: str | None, *, option: str = "--user", may_have_ticket: bool = False
) -> tuple[str, str] | None:
    """Who somebody is, from an option or the environment, and the password; None for nobody.

    Who may have a ticket needs no password, and gets an empty one where none is known.
    """
    given = user if user is not None else os.environ.get(USER_VARIABLE)
    if given is None:
        return None
    name, colon, password = given.partition(":")
    if not name:
        raise ConfigError(option, r"there is no user name; write 'DOMAIN\name'")
    if colon:
        if user is not None:
            warn(f"{option}: others here can read a password in a command; without it, you are asked")
        return name, password
    known = os.environ.get(PASSWORD_VARIABLE)
    if known is None and may_have_ticket:
        known = stored_password(name, setting=option) or ""
    return name, ask_password(name, option=option) if known is None else known


def ask_password(name: str, *, option: str = "--user") -> str:
    """A password of somebody in particular: from the keyring, else from whoever sits there."""
    if (stored := stored_password(name, setting=option)) is not None:
        return stored
    if not _is_somebody_there():
        cure = f"set {PASSWORD_VARIABLE}, or store it with: keyring set {SERVICE} '{name}'"
        raise ConfigError(option, f"has no password for {name}; {cure}")
    answer: str = typer.prompt(f"password of {name}", hide_input=True, err=True)
    return answer


def _is_somebody_there() -> bool:
    return sys.stdin.isatty()

"""One authentication exchange, whatever its mechanism: tokens in, tokens out, until it is known who it is.

A mechanism object serves one exchange of one connection and is never shared. Its steps may ask an account
source, so they are awaited; time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from rpch.auth.accounts import Identity
from rpch.auth.extended_protection import BindingState
from rpch.auth.outcomes import Failure
from rpch.auth.security import SessionSecurity


@dataclass(frozen=True, slots=True)
class Established:
    """What an exchange proved: who it is, and a session with them.

    `sent_as` is the name as the client wrote it, for the audit line beside the resolved identity.
    """

    mechanism: str
    identity: Identity
    session: SessionSecurity = field(repr=False)
    sent_as: str = ""
    channel_binding: BindingState = BindingState.NOT_CHECKED
    target_name: str = ""


@dataclass(frozen=True, slots=True)
class Continue:
    """Send this token, and take the answer to it."""

    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """It is known who it is; a last token may be due to them."""

    established: Established
    token: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not known, and this exchange is over; a last token may say so to them."""

    failure: Failure
    token: bytes | None = field(default=None, repr=False)


Step = Continue | Done | Failed


class Mechanism(Protocol):
    """The accepting side of one exchange."""

    async def step(self, token: bytes, now: float) -> Step:
        """Take the next token. After `Done` and `Failed` there is no next."""


class StepFailed(Exception):
    """Ends an exchange from within; becomes `Failed` before it leaves its mechanism."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(rule, detail)
        self.failure = Failure(rule, detail)

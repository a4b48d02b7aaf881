"""Slows down whoever guesses passwords, without locking out whoever owns the account.

A guess is counted before it is verified and taken back when it was right, so that any number of guesses at
once get no further than as many one after the other. Counted are one account from one source, one source,
and one account from sources that never knew its password: an owner's usual source stays admitted while others
guess.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

from rpch.auth.accounts import AccountSource, Identity, NtlmProof
from rpch.auth.names import UserName, fold
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.outcomes import AuthRule
from rpch.errors import AccessDenied

_DAY: Final = 86_400.0
_MINUTE: Final = 60.0
_EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """How many wrong guesses are taken within a window, in seconds, and how long a source is trusted."""

    per_account_and_source: int = 5
    per_source: int = 100
    per_account: int = 30
    window: float = 900.0
    alarm_per_minute: int = 1000
    trust: float = 30 * _DAY
    most_entries: int = 100_000


class _Counts:
    """Counts that begin anew with each window; the oldest leaves when there are too many."""

    def __init__(self, window: float, most_entries: int) -> None:
        self._window, self._most = window, most_entries
        self._counts: dict[Hashable, tuple[float, int]] = {}

    def of(self, key: Hashable, now: float) -> int:
        since, count = self._counts.get(key, (now, 0))
        return count if now - since < self._window else 0

    def change(self, key: Hashable, by: int, now: float) -> None:
        since, _ = self._counts.get(key, (now, 0))
        count = max(0, self.of(key, now) + by)
        self._counts.pop(key, None)
        if len(self._counts) >= self._most:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = (since if now - since < self._window else now, count)

    def forget(self, key: Hashable) -> None:
        self._counts.pop(key, None)


class Throttle:
    """Counts the wrong guesses of one process."""

    def __init__(
        self, limits: ThrottleLimits | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits or ThrottleLimits()
        self.clock = clock
        self._key = os.urandom(32)
        most = self.limits.most_entries
        self._guesses = _Counts(self.limits.window, most)
        self._passwords = _Counts(self.limits.window, most)
        self._trusted = _Counts(self.limits.trust, most)
        self._minute = _Counts(_MINUTE, most)

    @property
    def alarmed(self) -> bool:
        """Whether there are more wrong guesses a minute than mistakes explain."""
        return self._minute.of(_EVERYBODY, self.clock()) > self.limits.alarm_per_minute

    def guard(self, accounts: AccountSource, *, peer: str) -> AccountSource:
        """The same accounts, with all that is asked from `peer` counted."""
        return _GuardedAccounts(accounts, self, source_of(peer))

    def reserve(self, account: str, source: str) -> Guess:
        """Count a guess before it is verified; `AccessDenied` when there were too many."""
        now, limits = self.clock(), self.limits
        counted: list[tuple[tuple[str, ...], int]] = [
            (("account and source", account, source), limits.per_account_and_source),
            (("source", source), limits.per_source),
        ]
        if not self._trusted.of((account, source), now):
            counted.append((("account", account), limits.per_account))
        for key, limit in counted:
            if self._guesses.of(key, now) >= limit:
                raise AccessDenied(AuthRule.THROTTLE, f"{limit} wrong guesses by {key[0]}")
        keys = [key for key, _ in counted]
        for key in keys:
            self._guesses.change(key, 1, now)
        self._minute.change(_EVERYBODY, 1, now)
        return Guess(self, account, source, tuple(keys))

    def take_back(self, guess: Guess) -> None:
        """Nothing was guessed: the account source was away, or it was the same wrong password again."""
        now = self.clock()
        for key in guess.keys:
            self._guesses.change(key, -1, now)
        self._minute.change(_EVERYBODY, -1, now)

    def was_right(self, guess: Guess) -> None:
        """It was the right password: earlier mistakes from there are forgiven, and the source is trusted."""
        self.take_back(guess)
        self._guesses.forget(guess.keys[0])
        self._trusted.forget((guess.account, guess.source))
        self._trusted.change((guess.account, guess.source), 1, self.clock())

    def is_repeated(self, guess: Guess, password: str) -> bool:
        """Whether this wrong password came before: a client with an old one tries it for hours."""
        now = self.clock()
        message = f"{guess.account}\0{guess.source}\0{password}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, message, "sha256")
        repeated = self._passwords.of(digest, now) > 0
        self._passwords.change(digest, 1, now)
        return repeated


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess that is counted and not yet verified."""

    throttle: Throttle
    account: str
    source: str
    keys: tuple[tuple[str, ...], ...]


class _GuardedAccounts:
    """Accounts as seen from one source, which cannot ask more often than the throttle lets it."""

    def __init__(self, accounts: AccountSource, throttle: Throttle, source: str) -> None:
        self._accounts, self._throttle, self._source = accounts, throttle, source

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is; `AccessDenied` after too many wrong ones."""
        guess = self._throttle.reserve(account_of(name), self._source)
        try:
            identity = await self._accounts.verify_password(name, password)
        except BaseException:
            self._throttle.take_back(guess)
            raise
        if identity is not None:
            self._throttle.was_right(guess)
        elif self._throttle.is_repeated(guess, password):
            self._throttle.take_back(guess)
        return identity

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Who proved this; `AccessDenied` after too many wrong proofs."""
        guess = self._throttle.reserve(account_of(claim.user), self._source)
        try:
            proof = await self._accounts.verify_ntlm(claim)
        except BaseException:
            self._throttle.take_back(guess)
            raise
        if proof is not None:
            self._throttle.was_right(guess)
        return proof


def account_of(name: str) -> str:
    """What is counted as one account: the name without its domain, so that other spellings gain nothing."""
    return fold(UserName.parse(name).user)


def source_of(peer: str) -> str:
    """What is counted as one source: the network an address is of, since one host has many."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    size = 24 if isinstance(address, IPv4Address) else 64
    return str(ip_network((address, size), strict=False))

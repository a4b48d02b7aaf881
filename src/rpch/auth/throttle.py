"""Slows down whoever guesses passwords, without locking out whoever owns the account.

A guess is counted before it is verified and taken back when it was right, so that any number of guesses at
once get no further than as many one after the other. Counted are:

    one account from one source      an owner's mistakes; forgiven by the right password
    one source                       somebody who tries many accounts
    one account                      many sources that try one account
    in total                         a farm of such sources

A source that knew the account's password within the last month counts in the first two only: an owner's
usual source stays admitted while others guess, however many they are. All else is refused for one window at
most.

Guesses that are still being verified count too, but refuse nobody: whoever would be one too many because of
them waits until they are settled. So an office that reconnects at once is served, one after the other.

Whoever is refused without a look at the password waits as long as a wrong one has taken lately: the time does
not tell a locked account, and a flood of guesses costs no work.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

from rpch.auth.accounts import AccountSource, Identity, NtlmProof, Standing
from rpch.auth.counters import Bound, CounterStore, Exceeded, Key, MemoryCounters
from rpch.auth.names import UserName, fold
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.outcomes import AuthRule
from rpch.errors import AccessDenied

_DAY: Final = 86_400.0
_MINUTE: Final = 60.0

PAIR: Final = "account and source"
SOURCE: Final = "source"
ACCOUNT: Final = "account"
TOTAL: Final = "all sources"
TRUSTED: Final = "trusted"


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """How many wrong guesses are taken within a window, in seconds, and how long a source is trusted."""

    per_account_and_source: int = 5
    per_source: int = 100
    per_account: int = 30
    window: float = 900.0
    per_minute: int = 1000
    trust: float = 30 * _DAY

    def bounds(self, account: str, source: str) -> list[Bound]:
        """What a guess counts as."""
        trusted = (TRUSTED, account, source)
        return [
            Bound((PAIR, account, source), self.per_account_and_source, self.window),
            Bound((SOURCE, source), self.per_source, self.window),
            Bound((ACCOUNT, account), self.per_account, self.window, unless=trusted),
            Bound((TOTAL,), self.per_minute, _MINUTE, unless=trusted),
        ]


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess that is counted and not yet verified."""

    account: str
    source: str
    keys: tuple[Key, ...]


class Throttle:
    """Counts wrong guesses, in a store of its own or in one that a farm shares."""

    def __init__(self, limits: ThrottleLimits | None = None, counters: CounterStore | None = None) -> None:
        self.limits = limits or ThrottleLimits()
        self._counters = MemoryCounters() if counters is None else counters
        self._pending = _Pending()
        # Wrong passwords are known again by this process alone: nobody else shall have even a digest of them.
        self._passwords = MemoryCounters()
        self._key = os.urandom(32)
        self.passwords, self.proofs = Pace(), Pace()

    def guard(self, accounts: AccountSource, *, peer: str) -> AccountSource:
        """The same accounts, with all that is asked from `peer` counted."""
        return _GuardedAccounts(accounts, self, source_of(peer))

    async def admit(
        self, identity: Identity, standing: Callable[[], Awaitable[Standing]], peer: str
    ) -> Standing:
        """What became of an account whose owner proved it without a password, such as by a certificate.

        Who guessed passwords too often is refused here too. An owner's proof makes the source a trusted one,
        as a right password does, so that others' guesses keep no owner out.
        """
        guess = await self.reserve(account_of(identity.name), source_of(peer))
        async with self.weighing(guess):
            found = await standing()
            if found is Standing.GOOD:
                await self.was_right(guess)
            else:
                await self.take_back(guess)
        return found

    @asynccontextmanager
    async def weighing(self, guess: Guess) -> AsyncIterator[None]:
        """While a guess is verified. What fails here was none; whoever hangs up meanwhile has guessed."""
        try:
            yield
        except Exception:
            await self.take_back(guess)
            raise
        finally:
            self.settle(guess)

    async def reserve(self, account: str, source: str) -> Guess:
        """Count a guess before it is verified; `AccessDenied` when there were too many wrong ones."""
        bounds = self.limits.bounds(account, source)
        while True:
            settled = self._pending.settled
            counted = await self._counters.count(bounds)
            if not isinstance(counted, Exceeded):
                self._pending.add(counted.keys)
                return Guess(account, source, counted.keys)
            bound = counted.bound
            if not await self._pending.changed(bound.key, settled):
                raise AccessDenied(AuthRule.THROTTLE, f"{bound.most} wrong guesses by {bound.key[0]}")

    async def take_back(self, guess: Guess) -> None:
        """Nothing was guessed: the account source was away, or it was the same wrong password again."""
        await self._counters.take_back(guess.keys)

    async def was_right(self, guess: Guess) -> None:
        """It was the right password: earlier mistakes from there are forgiven, and the source is trusted."""
        trusted = (TRUSTED, guess.account, guess.source)
        pair = (PAIR, guess.account, guess.source)
        during = self.limits.trust
        await self._counters.forgive(guess.keys, forget=pair, remember=trusted, during=during)

    def settle(self, guess: Guess) -> None:
        """The guess is verified, and counts as it should; whoever waits for that goes on."""
        self._pending.remove(guess.keys)

    def is_repeated(self, guess: Guess, password: str) -> bool:
        """Whether this wrong password came before: a client with an old one tries it for hours."""
        message = f"{guess.account}\0{guess.source}\0{password}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, message, "sha256").hex()
        return self._passwords.seen((digest,), self.limits.window)


class _Pending:
    """The guesses of this process that are being verified, and who waits for one of them."""

    def __init__(self) -> None:
        self.settled = 0
        self._pending: Counter[Key] = Counter()
        self._waiting: dict[Key, deque[asyncio.Future[None]]] = {}

    def add(self, keys: Sequence[Key]) -> None:
        self._pending.update(keys)

    def remove(self, keys: Sequence[Key]) -> None:
        """One is settled: there may be room for one more. After the last one nobody needs to wait."""
        self.settled += 1
        for key in keys:
            self._pending[key] -= 1
            over = self._pending[key] <= 0
            if over:
                del self._pending[key]
            self._wake(key, everybody=over)

    async def changed(self, key: Key, settled: int) -> bool:
        """Wait for one more to be settled; False when there is nothing to wait for."""
        if self.settled != settled:
            return True  # since it was counted
        if not self._pending[key]:
            return False
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(waiter)
        await waiter
        return True

    def _wake(self, key: Key, *, everybody: bool) -> None:
        waiting = self._waiting.get(key, deque())
        while waiting:
            waiter = waiting.popleft()
            if not waiter.done():  # it is, when whoever waited has hung up
                waiter.set_result(None)
                if not everybody:
                    break
        if not waiting:
            self._waiting.pop(key, None)


class Pace:
    """How long wrong guesses take to verify, to refuse others no faster. Seconds."""

    REMEMBERED: Final = 64
    LONGEST: Final = 1.0  # whoever waits holds a connection

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: deque[float] = deque(maxlen=self.REMEMBERED)

    def began(self) -> float:
        """The time, for `took`."""
        return self._clock()

    def took(self, began: float) -> None:
        """A wrong guess was verified."""
        self._taken.append(min(self._clock() - began, self.LONGEST))

    async def wait(self) -> None:
        """As long as one of the last ones took: a mean would be told from real ones by its evenness."""
        if self._taken:
            await asyncio.sleep(random.choice(self._taken))  # noqa: S311 - no secret is made of it


class _GuardedAccounts:
    """Accounts as seen from one source, which cannot ask more often than the throttle lets it."""

    def __init__(self, accounts: AccountSource, throttle: Throttle, source: str) -> None:
        self._accounts, self._throttle, self._source = accounts, throttle, source

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is; `AccessDenied` after too many wrong ones."""
        throttle, pace = self._throttle, self._throttle.passwords
        guess = await self._reserve(name, pace)
        async with throttle.weighing(guess):
            began = pace.began()
            identity = await self._accounts.verify_password(name, password)
            if identity is not None:
                await throttle.was_right(guess)
            else:
                pace.took(began)
                if throttle.is_repeated(guess, password):
                    await throttle.take_back(guess)
        return identity

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Who proved this; `AccessDenied` after too many wrong proofs."""
        throttle, pace = self._throttle, self._throttle.proofs
        guess = await self._reserve(claim.user, pace)
        async with throttle.weighing(guess):
            began = pace.began()
            proof = await self._accounts.verify_ntlm(claim)
            if proof is not None:
                await throttle.was_right(guess)
            else:
                pace.took(began)
        return proof

    async def _reserve(self, name: str, pace: Pace) -> Guess:
        try:
            return await self._throttle.reserve(account_of(name), self._source)
        except AccessDenied:
            await pace.wait()
            raise


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

"""Proving who we are to one party, on one connection.  MS-RPCH 2.1.2.1, RFC 4559, RFC 7617

Basic goes with every request. NTLM and Negotiate prove the connection, in rounds without a body, before the
request that matters. NTLM's last message travels with that request, as other clients have it. Which token of
Negotiate is the last nobody can tell, so its rounds go on until one is answered: by an echo, with the
server's own proof in it. From there on the connection is known, and the request says nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.initiator import HttpInitiator, Offer, choose_scheme
from rpch.auth.schemes import Scheme
from rpch.client.credentials import Credentials, Party
from rpch.client.heads import HeadReader
from rpch.errors import AuthenticationFailed
from rpch.http.authenticate import Challenge, read_challenges
from rpch.http.heads import ResponseHead
from rpch.http.outcomes import Challenged

T = TypeVar("T")


class Prover:
    """Answers what one party asks on one connection.

    `authorization` goes with the next request. `settled` says that this may be the request that matters.
    """

    def __init__(self, party: Party, *, basic_allowed: bool, binding: ChannelBinding | None = None) -> None:
        """`basic_allowed` says that a password may travel as Basic even where nobody asked for Basic."""
        self._party, self._basic_allowed, self._binding = party, basic_allowed, binding
        self._initiator: HttpInitiator | None = None
        self.authorization: str | None = None
        self.settled = False

    async def begin(self) -> None:
        """Say at once what is known to be wanted."""
        credentials, learned = self._party.credentials, self._party.learned
        if credentials is None or (credentials.scheme is None and not learned.asked):
            self.settled = credentials is None
        elif (scheme := credentials.scheme or learned.scheme) is not None:
            await self._begin(scheme)
        else:
            self.settled = True

    @property
    def pinned(self) -> bool:
        """Whether what was said so far counts on this connection only."""
        return self._initiator is not None and self._initiator.connection_bound

    async def challenged(self, challenges: Iterable[Challenge]) -> None:
        """The party asks; `AuthenticationFailed` when it means no."""
        offers = tuple(challenges)
        initiator = self._initiator
        if initiator is None:
            await self._begin(self.learn(offers))
            return
        offered = [challenge.scheme for challenge in offers]
        if offered and initiator.scheme.lower() not in (name.lower() for name in offered):
            listed = ", ".join(offered)
            raise AuthenticationFailed(f"{self._party.name} does not take {initiator.scheme}, but {listed}")
        self.authorization = await self._step(lambda: initiator.answer(_tokens(offers)))
        self.settled = initiator.scheme is Scheme.NTLM

    def learn(self, challenges: Iterable[Challenge]) -> Scheme:
        """Choose among the offers, for this connection and for all that follow."""
        offered = [challenge.scheme for challenge in challenges]
        listed = ", ".join(offered) or "nothing"
        if self._party.credentials is None:
            raise AuthenticationFailed(f"{self._party.name} wants credentials (it offers {listed})")
        try:
            scheme = choose_scheme(offered, secure=self._basic_allowed)
        except AuthenticationFailed as error:
            if Scheme.BASIC.lower() in (name.lower() for name in offered):
                told = "Basic, which is not sent without TLS unless it is asked for by name"
                raise AuthenticationFailed(f"{self._party.name} offers only {told}") from error
            raise AuthenticationFailed(f"{self._party.name}: {error.reason}") from error
        self._party.learned.asked, self._party.learned.scheme = True, scheme
        return scheme

    async def let_in(self, challenges: Iterable[Challenge] = ()) -> None:
        """The party has let a request pass; its own last proof may be among these."""
        if (initiator := self._initiator) is not None:
            await self._step(lambda: initiator.finish(_tokens(challenges)))
            if self.pinned:
                self.authorization = None
        elif self._party.credentials is not None:
            self._party.learned.asked = True  # and it wants nothing
        self.settled = True

    async def _begin(self, scheme: Scheme) -> None:
        party = self._party
        credentials = cast(Credentials, party.credentials)  # without them it does not come to this
        party.learned.asked, party.learned.scheme = True, scheme
        user, password = credentials.user, credentials.password
        self._initiator = initiator = HttpInitiator(
            scheme, user, password, host=party.host, binding=self._binding
        )
        self.authorization = await self._step(initiator.begin)
        self.settled = scheme is Scheme.BASIC

    async def _step(self, step: Callable[[], T]) -> T:
        """One step of the exchange. Some may ask a KDC, which the event loop must not wait for."""
        may_block = self._initiator is not None and self._initiator.may_block
        try:
            return await asyncio.to_thread(step) if may_block else step()
        except AuthenticationFailed as error:
            raise AuthenticationFailed(f"{self._party.name}: {error.reason}") from error


async def answer_challenge(reader: HeadReader, asked: Challenged, prover: Prover) -> bool:
    """Go on after a 401 or 407; False when that needs another connection, on which more is known."""
    if asked.reusable:
        await reader.body(asked.body)
        await prover.challenged(asked.challenges)
        return True
    if prover.authorization is None:
        prover.learn(asked.challenges)
        return False
    await prover.challenged(asked.challenges)  # says so when it was a refusal
    raise AuthenticationFailed(
        "the connection was closed in the middle of authentication: something on the way does not keep it"
    )


def last_tokens(head: ResponseHead, field: str = "www-authenticate") -> tuple[Challenge, ...]:
    """The server's part of a proof, in the answer that lets us in.  RFC 4559 5"""
    return read_challenges(head.all(field))


def _tokens(challenges: Iterable[Challenge]) -> list[Offer]:
    return [(challenge.scheme, challenge.token) for challenge in challenges]

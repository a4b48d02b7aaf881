"""Getting a connection on which the request that matters will be let in.  MS-RPCH 2.1.2.1

Every channel and every successor has a connection of its own, and each is authenticated anew. What was
found out about the RPC proxy and the HTTP proxy before it is remembered, so only the first one asks.
"""

from __future__ import annotations

import asyncio

from rpch.client.access import ProxyAccess
from rpch.client.connections import Connection, NoAnswer
from rpch.client.heads import FinalOutcome, HeadReader
from rpch.client.proving import Prover, answer_challenge, last_tokens
from rpch.errors import AuthenticationFailed, TransportError
from rpch.http.channels import RpcMethod
from rpch.http.outcomes import Accepted, Challenged, Failed
from rpch.http.requests import ChannelHeads, Proof


class Rounds:
    """The exchanges on one connection: with the RPC proxy, and with the HTTP proxy that relays to it."""

    def __init__(self, access: ProxyAccess, transport: asyncio.Transport) -> None:
        self._relay, self._server = access.relay_prover(), access.prover(transport)

    async def begin(self) -> None:
        """Say at once what is known to be wanted."""
        for prover in self._provers:
            await prover.begin()

    @property
    def _provers(self) -> list[Prover]:
        return [self._server, *([self._relay] if self._relay else [])]

    @property
    def settled(self) -> bool:
        """Whether the next request may be the one that matters."""
        return all(prover.settled for prover in self._provers)

    @property
    def proof(self) -> Proof:
        """What goes with the next request."""
        relay = self._relay.authorization if self._relay else None
        return Proof(authorization=self._server.authorization, proxy_authorization=relay)

    async def take(self, reader: HeadReader, outcome: FinalOutcome) -> bool:
        """What a round was answered; False when another connection is needed."""
        match outcome:
            case Challenged(by_http_proxy=True):
                if self._relay is None:
                    raise AuthenticationFailed("an HTTP proxy that nobody named wants credentials")
                return await answer_challenge(reader, outcome, self._relay)
            case Challenged():
                await self._passed()
                return await answer_challenge(reader, outcome, self._server)
            case Accepted(head=head, body=body):
                await self._passed()
                await self._server.let_in(last_tokens(head))
                stays = head.keep_alive and not body.until_close
                if stays:
                    await reader.body(body)
                elif any(prover.pinned for prover in self._provers):
                    raise TransportError("the proxy closed the connection that was just authenticated")
                return stays
            case Failed():
                raise await reader.failure(outcome)

    async def _passed(self) -> None:
        """The RPC proxy itself has answered, so the HTTP proxy has let the request pass."""
        if self._relay is not None:
            await self._relay.let_in()


async def prepare(
    access: ProxyAccess, heads: ChannelHeads, method: RpcMethod
) -> tuple[asyncio.Transport, HeadReader, Proof]:
    """A connection on which the next request will be let in, and the proof that goes with it."""
    try:
        async with asyncio.timeout(access.timeout):
            while True:  # a connection that is closed has taught which scheme the next begins with
                transport, reader = await access.dial()
                proof = await _authenticate(access, heads, method, (transport, reader))
                if proof is not None:
                    return transport, reader, proof
    except TimeoutError:
        reason = f"{access} did not finish authentication in {access.timeout:g} seconds"
        raise NoAnswer(reason, seconds=access.timeout) from None


async def _authenticate(
    access: ProxyAccess, heads: ChannelHeads, method: RpcMethod, connection: Connection
) -> Proof | None:
    """Rounds until all is settled; None when another connection is needed."""
    transport, reader = connection
    try:
        rounds = Rounds(access, transport)
        await rounds.begin()
        while not rounds.settled:
            transport.write(heads.authentication_leg(method, rounds.proof))
            if not await rounds.take(reader, await reader.outcome()):
                transport.abort()
                return None
    except BaseException:
        transport.abort()
        raise
    return rounds.proof

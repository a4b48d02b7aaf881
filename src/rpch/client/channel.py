"""One HTTP channel of a client: its request, and the answer that turns it into a leg.

An OUT channel's answer comes only after its first PDU has been sent. So the connection becomes a leg
as soon as its request head is out, and the leg reads the answer.  MS-RPCH 3.2.2.4.1.2
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from rpch.aio.leg import LegConnection
from rpch.client.access import ProxyAccess
from rpch.client.authentication import prepare
from rpch.client.connections import Connection, NoAnswer
from rpch.client.error_bodies import ERROR_BODY_WITHIN, ErrorBody
from rpch.client.heads import FinalOutcome, HeadReader
from rpch.client.proving import answer_challenge
from rpch.errors import AuthenticationFailed, RemoteProtocolError, RpchError, TransportError
from rpch.http.channels import RpcMethod
from rpch.http.chunks import ChunkDecoder
from rpch.http.heads import read_response_head
from rpch.http.outcomes import Accepted, Challenged, Failed, Interim, read_outcome
from rpch.http.requests import NO_PROOF, ChannelHeads, Proof
from rpch.http.targets import RpcTarget
from rpch.vconn.client import FIRST_OUT_LENGTH
from rpch.vconn.events import ChannelAccepted, ChannelRefused, Leg, Place


class ClientLeg(LegConnection):
    """A leg that begins with a response head. On IN any response is the channel's end.

    `strict` refuses chunks: no transfer coding is allowed, but TMG 2010 uses one.  MS-RPCH 2.1.2.1.4
    """

    __slots__ = ("_accepted", "_chunks", "_error_body", "_failed", "_head", "_late", "_strict")

    def __init__(self, leg: Leg, *, strict: bool = False) -> None:
        super().__init__(leg, lambda event: None)
        self._strict = strict
        self._head = b""
        self._accepted = False
        self._chunks: ChunkDecoder | None = None
        self._failed: Failed | None = None
        self._error_body: ErrorBody | None = None
        self._late: asyncio.TimerHandle | None = None

    @property
    def ended(self) -> bool:
        """Whether nobody wants this leg any more."""
        return self._closing

    @property
    def left(self) -> int | None:
        """How many bytes of the answer's body are still to come; None where it does not say."""
        return self._left if self._accepted else None

    def data_received(self, data: bytes) -> None:
        try:
            if self._accepted:
                self._pdus(data)
            else:
                self._response(data)
        except RemoteProtocolError as why:
            self.feed(ChannelRefused(self.leg, why))

    def eof_received(self) -> None:
        self._tell_failure()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell_failure()
        super().connection_lost(exc)

    def _pdus(self, data: bytes) -> None:
        if self._chunks is not None:
            data = self._chunks.feed(data)
        if data[:5] == b"HTTP/" and not self._cutter.held:
            self._accepted, self._head, self._left = False, b"", None  # the proxy gave up in mid-stream
            self._response(data)
        elif data:
            super().data_received(data)

    def _response(self, data: bytes) -> None:
        if self._error_body is not None:
            self._error_body.feed(data)
            if self._error_body.enough:
                self._tell_failure()
            return
        self._head += data
        while (found := read_response_head(self._head)) is not None:
            head, size = found
            self._head = self._head[size:]
            outcome = read_outcome(head)
            match outcome:
                case Interim():
                    continue
                case Accepted(body=body) if self._strict and body.chunked:
                    self._refused(RemoteProtocolError(f"a transfer coding on {self.leg}"))
                case Accepted(body=body) if self.leg.place is Place.OUT_H:
                    self._accepted, rest, self._head = True, self._head, b""
                    self._chunks = ChunkDecoder() if body.chunked else None
                    self._left = body.length
                    self.feed(ChannelAccepted(self.leg))
                    if rest:
                        self._pdus(rest)
                case Challenged():
                    self._refused(refused_credentials(outcome))
                case Failed():
                    self._await_error_body(outcome)
                case _:
                    self._refused(RemoteProtocolError(f"{head.status} {head.phrase} on {self.leg}"))
            return

    def _await_error_body(self, failed: Failed) -> None:
        """An error's body may know more than its head."""
        self._failed, body = failed, ErrorBody(failed.body)
        self._error_body = body
        body.feed(self._head)
        if body.enough:
            self._tell_failure()
        else:
            self._late = asyncio.get_running_loop().call_later(ERROR_BODY_WITHIN, self._tell_failure)

    def _tell_failure(self) -> None:
        """Of a failure that has come, what is known of it by now."""
        if self._failed is not None and self._error_body is not None:
            self._refused(self._failed.with_body(self._error_body.content).as_error())

    def _refused(self, why: RpchError) -> None:
        self._failed = None
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self.feed(ChannelRefused(self.leg, why))


async def open_channel(access: ProxyAccess, target: RpcTarget, leg: ClientLeg, content_length: int) -> None:
    """Make the request of one channel. When this returns, its body may be written."""
    heads = access.heads(target)
    inward = leg.leg.place is Place.IN_H
    method = RpcMethod.IN if inward else RpcMethod.OUT
    transport, reader, proof = await prepare(access, heads, method)
    if leg.ended:
        transport.abort()
        return
    if reader.lost is not None:
        raise await _last_words(reader, reader.lost)
    if inward:
        head = heads.in_channel(content_length, proof)
    else:
        head = heads.out_channel(replacement=content_length != FIRST_OUT_LENGTH, proof=proof)
    transport.write(head)
    leg.adopt(transport, reader.rest())


async def _last_words(reader: HeadReader, lost: TransportError) -> TransportError:
    """Why a connection is gone before we said anything: what the proxy answered unasked, or nothing."""
    try:
        outcome = await reader.outcome()
    except (RemoteProtocolError, TransportError):
        return lost
    return await reader.failure(outcome) if isinstance(outcome, Failed) else lost


async def ask_echo(
    access: ProxyAccess, target: RpcTarget, method: RpcMethod, proof: Proof = NO_PROOF
) -> tuple[FinalOutcome, bytes]:
    """What the proxy answers to an echo request, with the body of its success.  MS-RPCH 2.1.2.1.5

    `proof` is for the RPC proxy; what an HTTP proxy on the way wants is taken care of.
    """
    try:
        async with asyncio.timeout(access.timeout):
            while True:
                transport, reader = await access.dial()
                try:
                    answer = await _ask_echo(access, access.heads(target), (transport, reader), method, proof)
                finally:
                    transport.close()
                if answer is not None:
                    return answer
    except TimeoutError:
        raise NoAnswer(
            f"no answer to {method} in {access.timeout:g} seconds", seconds=access.timeout
        ) from None


async def _ask_echo(
    access: ProxyAccess, heads: ChannelHeads, connection: Connection, method: RpcMethod, proof: Proof
) -> tuple[FinalOutcome, bytes] | None:
    """Ask on one connection; None when the HTTP proxy has closed it to be asked again."""
    transport, reader = connection
    relay = access.relay_prover()
    if relay is not None:
        await relay.begin()
    while True:
        shown = proof if relay is None else replace(proof, proxy_authorization=relay.authorization)
        transport.write(heads.echo(method, proof=shown))
        outcome = await reader.outcome()
        if isinstance(outcome, Challenged) and outcome.by_http_proxy and relay is not None:
            if not await answer_challenge(reader, outcome, relay):
                return None
            continue
        return outcome, await reader.body(outcome.body) if isinstance(outcome, Accepted) else b""


async def echo(access: ProxyAccess, target: RpcTarget, method: RpcMethod) -> bytes:
    """Ask whether the proxy is there and lets us in; the echo PDU it answers.  MS-RPCH 2.1.2.1.5"""
    heads = access.heads(target)
    transport, reader, proof = await prepare(access, heads, method)
    try:
        transport.write(heads.echo(method, proof=proof))
        async with asyncio.timeout(access.timeout):
            outcome = await reader.outcome()
            match outcome:
                case Accepted(body=body):
                    return await reader.body(body)
                case Challenged():
                    raise refused_credentials(outcome)
                case Failed():
                    raise await reader.failure(outcome)
    except TimeoutError:
        raise NoAnswer(
            f"no answer to {method} in {access.timeout:g} seconds", seconds=access.timeout
        ) from None
    finally:
        transport.close()


def refused_credentials(asked: Challenged) -> AuthenticationFailed:
    """What a request means that is still asked for credentials, after all that was said."""
    who = "the HTTP proxy on the way" if asked.by_http_proxy else "the proxy"
    offered = ", ".join(dict.fromkeys(challenge.scheme for challenge in asked.challenges)) or "nothing"
    return AuthenticationFailed(f"{who} does not accept these credentials (it offers {offered})")

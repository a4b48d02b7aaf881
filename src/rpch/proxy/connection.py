"""One HTTP connection to the RPC proxy: heads in, answers out, until it becomes a channel.

A connection may bring several requests: echoes, rounds of an authentication, and at last a channel,
which never ends but with the connection. Between requests a connection belongs to nobody: whoever
gave it to us (`give_back`) decides anew at each request boundary.

Nothing of a body is read before its request is authenticated and allowed, but the few bytes that an
echo or a round of authentication announces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from sys import intern
from typing import TYPE_CHECKING, Final, cast

from rpch.aio.lingering import LINGER_BYTES, Lingering
from rpch.auth.accounts import Identity
from rpch.auth.channel_binding import Channel
from rpch.auth.outcomes import Authenticated, AuthOutcome, AuthRule, Challenge, Failure, Headers, Refused
from rpch.auth.schemes import CHALLENGE_HEADER
from rpch.errors import RpchError
from rpch.http.answers import CONTINUE, challenge_answer, echo_answer, refusal_answer
from rpch.http.channels import ChannelKind, ChannelRequest, read_channel_request
from rpch.http.heads import RequestHead, read_request_head
from rpch.http.proxy_protocol import Relayed
from rpch.http.refusals import HttpRefused
from rpch.http.rpc_error import RpcError
from rpch.proxy.answers import refusal_of
from rpch.proxy.channels import ANONYMOUS, ChannelOpening, Entry
from rpch.proxy.client_certificates import Demand
from rpch.proxy.policy import Arrival, Denied, UserRule

if TYPE_CHECKING:
    from rpch.proxy.service import RpcProxy


CERTIFICATE: Final = "Certificate"  # as an audit line calls it, beside the schemes


class ProxyConnection(asyncio.Protocol):
    """Reads requests to the RPC proxy from one connection and answers them, or makes it a channel."""

    def __init__(self, proxy: RpcProxy, give_back: Callable[[bytes], None] | None = None) -> None:
        self._proxy = proxy
        self._give_back = give_back
        self.on_lost: Callable[[], None] | None = None
        self.relayed: Relayed | None = None  # what a relay said before the first request
        self.on_channel: Callable[[], None] | None = None  # nothing more is wanted of this object
        self._transport: asyncio.Transport
        self._buffer = b""
        self._searched = 0
        self._skip = 0  # bytes of a short body that nobody needs
        self._busy: asyncio.Task[None] | None = None
        self._advancing = self._lent_back = self._full = False
        self._ended = False
        self._lingering: Lingering | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer = intern(str(peer[0])) if isinstance(peer, tuple) else ""
        self.tls = transport.get_extra_info("ssl_object") is not None
        self._certificate = self._proxy.options.certificates.shown_on(transport)
        channel = Channel(self.tls, self._proxy.bindings if self.tls else ())
        relayed = self._proxy.policy.is_relay(self.peer)
        self._session = self._proxy.authenticator.session(peer=self.peer, channel=channel, relayed=relayed)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._cancel_timer()
        if self._lingering is not None:
            self._lingering.lost()
        if self._busy is not None:
            self._busy.cancel()
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        if self._ended:
            if self._lingering is not None:
                self._lingering.drain(len(data))
            return
        self._buffer += data
        self._lent_back = False
        if self._busy is None:
            self._advance()
        elif len(self._buffer) > LINGER_BYTES:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Who does not read its answers is not listened to."""
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if self._ended:
            return
        self._transport.resume_reading()
        if self._busy is None and not self._lent_back:
            self._advance()

    def shutdown(self) -> None:
        """The server stops: what is not a channel yet ends here."""
        if not self._ended:
            self._close()

    def _advance(self) -> None:
        """Take one request after the other, as long as they can be answered at once."""
        if self._advancing:
            return  # the loop below goes on
        self._advancing = True
        try:
            while self._take():
                pass
        finally:
            self._advancing = False

    def _take(self) -> bool:
        """Take the next request, if its head is whole. Whether there may be another one."""
        if self._full or not self._skip_body():
            return False
        try:
            limits = self._proxy.options.heads
            found = read_request_head(self._buffer, searched=self._searched, limits=limits)
            if found is None:
                self._searched = len(self._buffer)
                self._await_more()
                return False
            self._cancel_timer()
            self._searched = 0
            head, size = found
            self._buffer = self._buffer[size:]
            self._request(head, read_channel_request(head))
        except HttpRefused as refused:
            self._refuse(refused)
        return not (self._busy or self._ended or self._lent_back)

    def _skip_body(self) -> bool:
        """Pass over what is left of an answered request. Whether the next one may be read here."""
        if not self._skip:
            return True
        skipped = min(self._skip, len(self._buffer))
        self._buffer, self._skip = self._buffer[skipped:], self._skip - skipped
        if self._skip:
            self._await_more()
            return False
        self._cancel_timer()
        return not self._boundary()

    def _request(self, head: RequestHead, request: ChannelRequest) -> None:
        policy = self._proxy.policy
        arrival = policy.arrival(
            self.peer,
            tls=self.tls,
            forwarded_proto=head.get("x-forwarded-proto"),
            # A relay that passes bytes on leaves in a head what its client has written there.
            forwarded_for=self.relayed.client if self.relayed else head.get("x-forwarded-for"),
        )
        if denied := policy.before_authentication(request, secure=arrival.secure, client=arrival.client):
            self._deny(request, denied, None, arrival)
            return
        rules = self._proxy.options.certificates
        # What a relay shows is its own, and says nothing about its clients.
        shown = None if arrival.relayed else self._certificate
        if denied := rules.judge(shown, self._proxy.authenticator.wall_clock()):
            self._deny(request, denied, None, arrival)
            return
        if request.with_certificate and rules.demand is not Demand.NONE:
            self._by_certificate(request, arrival, rules.authenticate(shown))
            return
        known = self._session.recall(request.authorization, secure=arrival.secure, client=arrival.client)
        if known is not None:
            self._answer(request, arrival, known)
            return
        if request.authorization is None and policy.allow_anonymous:
            self._decide(request, arrival, None)
            return
        self._busy = self._proxy.spawn(self._authenticate(request, arrival))

    def _by_certificate(self, request: ChannelRequest, arrival: Arrival, identity: Identity | Denied) -> None:
        if isinstance(identity, Denied):
            self._deny(request, identity, None, arrival)
            return
        self._busy = self._proxy.spawn(self._vouch(request, arrival, identity))

    async def _vouch(self, request: ChannelRequest, arrival: Arrival, identity: Identity) -> None:
        """A certificate says who it is; the account may be disabled all the same."""
        outcome = await self._proxy.authenticator.vouched(identity, client=arrival.client)
        if self._resumed():
            self._answer(request, arrival, outcome, certificate=identity)

    async def _authenticate(self, request: ChannelRequest, arrival: Arrival) -> None:
        """Verifying may take a while; nothing else of this connection is looked at meanwhile."""
        outcome = await self._session.step(
            request.authorization, secure=arrival.secure, client=arrival.client
        )
        if self._resumed():
            self._answer(request, arrival, outcome)

    def _resumed(self) -> bool:
        """What was waited for is here. Whether this connection still wants it."""
        self._busy = None
        if self._ended:
            return False
        if not self._full:
            self._transport.resume_reading()
        return True

    def _answer(
        self,
        request: ChannelRequest,
        arrival: Arrival,
        outcome: AuthOutcome,
        *,
        certificate: Identity | None = None,
    ) -> None:
        """`certificate` is who a certificate says it is, where no password was asked for."""
        scheme = request.scheme if certificate is None else CERTIFICATE
        target = str(request.target) if request.target else None
        match outcome:
            case Authenticated(identity=identity, headers=headers):
                if scheme is not None:  # a connection that is authenticated already says nothing new
                    self._proxy.report_authenticated(arrival.client, identity, scheme=scheme, target=target)
                self._judge_user(request, arrival, identity, headers)
            case Challenge(headers=headers, failure=failure):
                if failure is not None:
                    self._proxy.report_failure(arrival.client, failure, scheme=scheme, target=target)
                self._challenge(request, _offers(headers))
            case Refused(rule=rule, detail=detail, status=status, headers=headers):
                failure = Failure(rule, detail)
                self._proxy.report_failure(
                    arrival.client, failure, scheme=scheme, target=target, identity=certificate
                )
                if status == 401 and (offers := _offers(headers)):
                    self._end(challenge_answer(offers, reuse=False))  # wrong, locked or disabled: all alike
                else:
                    shown = "" if rule == AuthRule.UNAVAILABLE else detail  # says where accounts are
                    self._end(refusal_answer(HttpRefused(status, "", rule, shown)))

    def _judge_user(
        self, request: ChannelRequest, arrival: Arrival, identity: Identity, headers: Headers = ()
    ) -> None:
        """Whoever it is, and however that was shown: what is said about this user comes first."""
        if (rule := self._proxy.user_rule) is None:
            self._decide(request, arrival, identity, headers)
        else:
            self._busy = self._proxy.spawn(self._ask_user_rule(rule, request, arrival, identity, headers))

    async def _ask_user_rule(
        self,
        rule: UserRule,
        request: ChannelRequest,
        arrival: Arrival,
        identity: Identity,
        headers: Headers,
    ) -> None:
        """Looking it up may take a while, as authentication does."""
        try:
            denied = await rule(identity)
        except RpchError as error:  # it may say where accounts are, which is for us alone
            self._proxy.report_refusal(arrival.client, request, AuthRule.UNAVAILABLE, str(error), identity)
            denied = Denied(AuthRule.UNAVAILABLE, 503, "")
        if not self._resumed():
            return
        if denied is not None:
            self._deny(request, denied, identity, arrival)
        else:
            self._decide(request, arrival, identity, headers)

    def _challenge(self, request: ChannelRequest, offers: list[str]) -> None:
        if not request.reusable_after_401(self._proxy.options.short_body):
            self._end(challenge_answer(offers, reuse=False))
            return
        self._continue_if_expected(request)
        self._transport.write(challenge_answer(offers, reuse=True))
        self._next(request)

    def _decide(
        self, request: ChannelRequest, arrival: Arrival, identity: Identity | None, headers: Headers = ()
    ) -> None:
        """`headers` end the client's authentication, and belong on the answer.  RFC 4559 5"""
        decision = self._proxy.policy.decide(request, identity, secure=arrival.secure, client=arrival.client)
        if isinstance(decision, Denied):
            self._deny(request, decision, identity, arrival)
        elif request.kind is ChannelKind.ECHO:
            self._continue_if_expected(request)
            self._transport.write(echo_answer(fields=headers))
            self._next(request)
        else:
            admitted = self._proxy.ledger.admit(str(identity or ANONYMOUS), arrival.client)
            if isinstance(admitted, Denied):
                self._deny(request, admitted, identity, arrival)
            else:
                entry = Entry(request, arrival, identity, decision, admitted, headers)
                self._open(entry)

    def _open(self, entry: Entry) -> None:
        """From here on this connection is a channel."""
        if entry.request.wants_continue:
            self._transport.write(CONTINUE)
        rest, self._buffer, self._ended = self._buffer, b"", True
        if self.on_channel is not None:
            self.on_channel()
        ChannelOpening(self._proxy, entry).begin(self._transport, rest, self.on_lost)

    def _continue_if_expected(self, request: ChannelRequest) -> None:
        """Observed: impacket waits for `100 Continue` even where the body is empty."""
        if request.expect_continue:
            self._transport.write(CONTINUE)

    def _next(self, request: ChannelRequest) -> None:
        """The request is answered; its short body is passed over."""
        if not request.keep_alive:
            self._close()
            return
        self._skip = request.content_length
        if self._skip or not self._boundary():
            self._advance()

    def _boundary(self) -> bool:
        """Hand the connection back, if it was lent. True when it is somebody else's now."""
        if self._give_back is None:
            return False
        rest, self._buffer, self._lent_back = self._buffer, b"", True
        self._give_back(rest)
        return self._lent_back  # it may have come here again already

    def _deny(
        self, request: ChannelRequest, denied: Denied, identity: Identity | None, arrival: Arrival
    ) -> None:
        self._proxy.report_refusal(arrival.client, request, denied.rule, denied.detail, identity)
        if denied.rpc_error is not None:
            self._end(refusal_of(RpcError(denied.rpc_error), denied.rule))
        else:
            self._refuse(HttpRefused(denied.status, "", denied.rule, denied.detail), reported=True)

    def _refuse(self, refused: HttpRefused, *, reported: bool = False) -> None:
        if not reported:
            self._proxy.report_refusal(self.peer, None, refused.rule, refused.detail)
        self._end(refusal_answer(refused))

    def _end(self, answer: bytes) -> None:
        """The last answer here. The client may still be writing, and must be able to read it."""
        self._transport.write(answer)
        self._close()

    def _close(self) -> None:
        self._ended, self._buffer = True, b""
        self._cancel_timer()
        self._lingering = Lingering(self._transport)

    def _await_more(self) -> None:
        if self._timer is None:
            late = self._proxy.options.head_timeout
            self._timer = asyncio.get_running_loop().call_later(late, self._late)

    def _late(self) -> None:
        self._timer = None
        if self._skip:
            detail = f"{self._skip} bytes of a body did not come"
            self._proxy.report_refusal(self.peer, None, "BodyTimeout", detail)
            self._transport.close()
        elif self._buffer:
            self._refuse(HttpRefused(408, "Request Timeout", "HeadTimeout", "the head did not come whole"))
        else:
            self._transport.close()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _offers(headers: Headers) -> list[str]:
    return [value for name, value in headers if name == CHALLENGE_HEADER]

"""The door: one port for the RPC methods and for the web application.

uvicorn owns the listener, TLS and the graceful stop, and makes one door for each connection. The door
decides at every request boundary, since reverse proxies reuse connections: a request whose method is
RPC_IN_DATA, RPC_OUT_DATA or RPC_CONNECT belongs to the RPC proxy, every other to the web application.
Whoever has a request keeps the connection until the next boundary; a channel keeps it for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from rpch.aio.lingering import Lingering
from rpch.aio.memory import give_back_free_memory
from rpch.auth.channel_binding import Channel
from rpch.errors import RemoteProtocolError
from rpch.front.web_authentication import CONNECTION, WebConnection
from rpch.http.answers import refusal_answer
from rpch.http.channels import is_rpc_method
from rpch.http.heads import read_request_head
from rpch.http.proxy_protocol import Relayed, read_proxy_header
from rpch.http.refusals import HttpRefused
from rpch.proxy.connection import ProxyConnection
from rpch.proxy.service import RpcProxy

METHOD_LIMIT: Final = 32


class Door(asyncio.Protocol):
    """Decides who takes the next request of one connection."""

    __slots__ = (
        "_app_state",
        "_authentication",
        "_buffer",
        "_channel",
        "_config",
        "_deciding",
        "_fresh",
        "_lingering",
        "_lost",
        "_proxy",
        "_refreshing",
        "_relayed",
        "_rpc",
        "_searched",
        "_state",
        "_timer",
        "_transport",
        "_web",
    )

    def __init__(
        self,
        proxy: RpcProxy,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._proxy, self._config, self._state, self._app_state = proxy, config, server_state, app_state
        self._transport: asyncio.Transport
        self._buffer = b""
        self._searched = 0
        self._deciding = False
        self._rpc: ProxyConnection | None = None
        self._web: WebRequest | None = None
        self._lingering: Lingering | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._channel = False
        self._authentication: WebConnection | None = None
        self._relayed: Relayed | None = None
        self._fresh = proxy.refresh is None
        self._refreshing = self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn only asks for shutdown()
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._web is not None:
            self._web.connection_lost(exc)
        if self._lingering is not None:
            self._lingering.lost()
        self._lost = True
        self._gone()

    def shutdown(self) -> None:
        """The server stops. Channels are the proxy's to end; what is idle ends here."""
        if self._web is not None:
            self._web.shutdown()
        elif self._rpc is not None and self._timer is None:
            self._rpc.shutdown()
        elif not self._channel:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering.drain(len(data))
            return
        if self._web is not None:
            self._web.data_received(data)
            return
        self._buffer += data
        self._advance()

    def eof_received(self) -> None:
        if self._web is not None:
            self._web.eof_received()

    def pause_writing(self) -> None:
        if self._web is not None:
            self._web.pause_writing()
        if self._rpc is not None:
            self._rpc.pause_writing()

    def resume_writing(self) -> None:
        if self._web is not None:
            self._web.resume_writing()
        if self._rpc is not None:
            self._rpc.resume_writing()

    def _advance(self) -> None:
        """Decide about one request after the other, as long as they are answered at once."""
        if not self._fresh:
            self._refresh()
            return
        if self._deciding:
            return  # the loop below goes on
        if self._relayed is None and self._proxy.options.proxy_protocol and not self._read_relayed():
            return
        self._deciding = True
        try:
            while self._buffer and self._web is None and self._decide():
                pass
        except HttpRefused as refused:
            self._refuse(refused)
        finally:
            self._deciding = False

    def _refresh(self) -> None:
        """Which rules hold is looked up before the first request; nothing more is read meanwhile."""
        if not self._refreshing:
            self._refreshing = True
            self._transport.pause_reading()
            self._proxy.spawn(self._refreshed())

    async def _refreshed(self) -> None:
        try:
            if self._proxy.refresh is not None:
                await self._proxy.refresh()
        finally:
            self._fresh = True
            if not self._lost and self._lingering is None and not self._transport.is_closing():
                self._transport.resume_reading()
                self._advance()

    def _read_relayed(self) -> bool:
        """Whether a relay of ours has said whom it speaks for. Nobody else is even answered."""
        peer = _peer(self._transport)
        try:
            if not self._proxy.policy.is_relay(peer):
                raise RemoteProtocolError("this listener takes trusted relays alone")
            found = read_proxy_header(self._buffer)
        except RemoteProtocolError as error:
            self._proxy.report_refusal(peer, None, "ProxyProtocol", str(error))
            self._disarm()
            self._transport.abort()
            return False
        if found is None:
            return False
        self._relayed, size = found
        self._buffer = self._buffer[size:]
        return True

    def _decide(self) -> bool:
        """Whether somebody took the next request. Heads of both kinds are read by the same strict rules."""
        method, space, _ = self._buffer[: METHOD_LIMIT + 1].partition(b" ")
        if not space and len(self._buffer) <= METHOD_LIMIT:
            return False
        if space and is_rpc_method(method.decode("latin-1")):
            self._to_proxy()
            return True
        limits = self._proxy.options.heads
        if read_request_head(self._buffer, searched=self._searched, limits=limits) is None:
            self._searched = len(self._buffer)
            return False
        self._to_web()
        return True

    def _to_proxy(self) -> None:
        data = self._take()
        if self._rpc is None:
            self._rpc = ProxyConnection(self._proxy, self._boundary)
            self._rpc.relayed = self._relayed
            self._rpc.on_lost, self._rpc.on_channel = self._gone, self._became_channel
            self._rpc.connection_made(self._transport)
        self._transport.set_protocol(self._rpc)
        self._rpc.data_received(data)

    def _became_channel(self) -> None:
        """There will be no more requests: forget whoever read them, since channels live for days."""
        self._rpc, self._channel = None, True

    def _to_web(self) -> None:
        data = self._take()
        if self._authentication is None:
            self._authentication = self._connection()
        known = {**self._app_state, CONNECTION: self._authentication}
        self._web = WebRequest(self._config, self._state, known, self._web_done)
        self._web.connection_made(self._transport)
        if self._relayed is not None and self._relayed.client is not None:
            self._web.client = (self._relayed.client, 0)
        self._web.data_received(data)

    def _connection(self) -> WebConnection:
        """What the web application must know to ask who somebody is: a connection may prove it once."""
        peer = _peer(self._transport)
        tls = self._transport.get_extra_info("ssl_object") is not None
        channel = Channel(tls, self._proxy.bindings if tls else ())
        relayed = self._proxy.policy.is_relay(peer)
        session = self._proxy.authenticator.session(peer=peer, channel=channel, relayed=relayed)
        shown = self._proxy.options.certificates.shown_on(self._transport)
        return WebConnection(session, peer, tls, self._relayed, shown)

    def _take(self) -> bytes:
        self._disarm()
        data, self._buffer, self._searched = self._buffer, b"", 0
        return data

    def _web_done(self, rest: bytes) -> None:
        web, self._web = self._web, None
        if web is not None:
            self._state.connections.discard(web)
        self._boundary(rest)

    def _boundary(self, rest: bytes) -> None:
        """A request has been answered; the next one is anybody's."""
        if self._transport.is_closing():
            return
        self._transport.set_protocol(self)
        self._arm()
        self._buffer, self._searched = rest, 0
        self._advance()

    def _gone(self) -> None:
        self._disarm()
        self._state.connections.discard(self)

    def _refuse(self, refused: HttpRefused) -> None:
        client = (self._relayed and self._relayed.client) or _peer(self._transport)
        self._proxy.report_refusal(client, None, refused.rule, refused.detail)
        self._disarm()
        self._transport.write(refusal_answer(refused))
        self._lingering = Lingering(self._transport)

    def _arm(self) -> None:
        late = self._proxy.options.head_timeout
        self._timer = asyncio.get_running_loop().call_later(late, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._buffer:
            self._refuse(HttpRefused(408, "Request Timeout", "HeadTimeout", "the head did not come whole"))
        else:
            self._transport.close()


class WebRequest(H11Protocol):
    """One request to the web application; it hands back what came behind it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        done: Callable[[bytes], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._done = done
        self._lingering: Lingering | None = None

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering.drain(len(data))
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lingering is not None:
            self._lingering.lost()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """The body is no body. Whoever was about to answer the request is too late."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        super().send_400_response(msg)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        if not self.cycle.keep_alive:
            self.transport.close()
            return
        if self.conn.their_state is not h11.DONE:
            # Nobody has read the body, so nobody knows where the next request begins.
            self._lingering = Lingering(self.transport)
            return
        rest, _ = self.conn.trailing_data
        self.flow.resume_reading()
        self._done(bytes(rest))


def _peer(transport: asyncio.Transport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else ""


def door_for(proxy: RpcProxy) -> Callable[..., Door]:
    """What uvicorn makes for each connection."""

    def make(
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Door:
        if config.is_ssl:
            give_back_free_memory()
        return Door(proxy, config, server_state, app_state, _loop)

    return make

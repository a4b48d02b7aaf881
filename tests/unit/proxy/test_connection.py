"""A connection to the RPC proxy answers one request after the other, until one of them becomes a channel."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.errors import AccessDenied, TransportError
from rpch.http.answers import CONTINUE, echo_answer
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from rpch.proxy.limits import HeadSettings
from rpch.proxy.policy import Denied
from rpch.proxy.service import RpcProxy
from rpch.testing.rts_samples import SAMPLES
from tests.memory_transport import MemoryTransport
from tests.raw_peer import until

BY_NAME = {sample.NAME: sample.encode() for sample in SAMPLES}
A1, B1 = BY_NAME["CONN/A1"], BY_NAME["CONN/B1"]


def basic(password: str) -> str:
    """An Authorization line."""
    token = base64.b64encode(rf"LAB\alice:{password}".encode()).decode("ascii")
    return f"Authorization: Basic {token}\r\n"


RIGHT, WRONG = basic("pw"), basic("wrong")
ECHO_ANSWER = echo_answer()


def request(
    method: str = "RPC_IN_DATA",
    *,
    length: int = 0,
    target: str = "localhost:6001",
    fields: str = RIGHT,
    version: str = "1.1",
) -> bytes:
    """A request head."""
    line = f"{method} /rpc/rpcproxy.dll?{target} HTTP/{version}\r\n"
    return f"{line}Host: p\r\nContent-Length: {length}\r\n{fields}\r\n".encode()


@asynccontextmanager
async def a_proxy(
    *, anonymous: bool = False, valid_ports: str = "localhost:6001", **more: Any
) -> AsyncIterator[RpcProxy]:
    """A proxy whose plain connections come from a relay of its own."""
    settings = ProxyConfiguration(
        no_tls=True,
        user=[r"LAB\alice:pw"],
        valid_ports=valid_ports,
        allow_anonymous=anonymous,
        first_pdu_timeout=0.05,
        **more,
    )
    async with asyncio.TaskGroup() as tasks:
        yield settings.proxy(tasks, settings.accounts())


def connected(
    proxy: RpcProxy, give_back: Callable[[bytes], None] | None = None
) -> tuple[ProxyConnection, MemoryTransport]:
    """A client has connected."""
    connection, transport = ProxyConnection(proxy, give_back), MemoryTransport(peer=("127.0.0.1", 50_000))
    transport.protocol = connection
    connection.connection_made(transport)
    return connection, transport


def lose(transport: MemoryTransport) -> None:
    """The client has gone; nothing is left to wait for."""
    protocol = transport.get_protocol()
    assert isinstance(protocol, asyncio.Protocol)
    protocol.connection_lost(None)


async def answered(transport: MemoryTransport) -> bytes:
    """What is answered once nobody has anything left to do."""
    for _ in range(10):
        await asyncio.sleep(0)
    return transport.take()


QUICK = HeadSettings(timeout=0.01)  # does not wait long for what does not come


# Echo and authentication


@pytest.mark.conformance(17)
async def test_an_echo_is_answered_and_the_connection_stays() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        assert await answered(transport) == ECHO_ANSWER
        connection.data_received(request("RPC_OUT_DATA"))
        assert await answered(transport) == ECHO_ANSWER
        assert not transport.is_closing()
        lose(transport)


@pytest.mark.conformance(19)
@pytest.mark.parametrize("cut", [0, 1, 3, 4])
async def test_the_body_of_an_echo_is_passed_over_wherever_it_is_split(cut: int) -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        body = b"\xf8\xe8\x18\x08"
        connection.data_received(request(length=4) + body[:cut])
        assert await answered(transport) == ECHO_ANSWER
        connection.data_received(body[cut:] + request())
        assert await answered(transport) == ECHO_ANSWER
        lose(transport)


@pytest.mark.conformance(7)
async def test_requests_that_come_byte_by_byte_are_answered() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        for byte in request(length=1) + b"x" + request():
            connection.data_received(bytes([byte]))
        assert await answered(transport) == ECHO_ANSWER * 2
        lose(transport)


async def test_whoever_shows_no_credentials_is_asked_for_them_on_the_same_connection() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request(fields=""))
        answer = await answered(transport)
        assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
        assert b'WWW-Authenticate: Basic realm="rpch"' in answer
        connection.data_received(request())
        assert await answered(transport) == ECHO_ANSWER
        lose(transport)


async def test_a_body_that_was_promised_to_a_refused_request_ends_the_connection() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request(length=1 << 30, fields="") + B1)
        answer = await answered(transport)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" in answer
        assert transport.is_ended()
        assert not proxy.drivers
        lose(transport)


async def test_a_wrong_password_is_logged_and_the_third_one_closes() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        with capture_logs() as lines:
            for _ in range(3):
                connection.data_received(request(fields=WRONG))
                answer = await answered(transport)
                assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" in answer
        assert transport.is_ended()
        assert [line["rule"] for line in lines] == ["WrongCredentials"] * 3
        assert "wrong" not in str([line["detail"] for line in lines])  # the password is nobody's business
        lose(transport)


async def test_what_comes_while_somebody_is_authenticated_waits_for_its_turn() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        connection.data_received(request()[:20])
        connection.data_received(request()[20:] + request(fields=WRONG))
        answer = await answered(transport)
        assert answer.startswith(ECHO_ANSWER * 2 + b"HTTP/1.1 401 ")
        lose(transport)


async def test_a_flood_while_somebody_is_authenticated_is_not_read() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request(length=131_072))
        connection.data_received(bytes(300 * 1024))
        assert not transport.is_reading()
        await answered(transport)
        assert transport.is_reading()
        lose(transport)


async def test_a_client_that_goes_while_it_is_authenticated_gets_no_answer() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        connection.connection_lost(ConnectionResetError())
        assert await answered(transport) == b""


# Many requests


async def test_thousands_of_requests_in_one_read_are_answered_one_after_the_other() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        await answered(transport)
        connection.data_received(request() * 2000)  # their credentials are known by now
        assert await answered(transport) == ECHO_ANSWER * 2000
        lose(transport)


async def test_who_does_not_read_its_answers_is_not_listened_to() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        await answered(transport)
        connection.pause_writing()
        assert not transport.is_reading()
        connection.data_received(request() * 3)
        assert await answered(transport) == b""
        connection.resume_writing()
        assert transport.is_reading()
        assert await answered(transport) == ECHO_ANSWER * 3
        lose(transport)


async def test_authentication_does_not_make_us_listen_to_who_does_not_read() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        connection.pause_writing()
        await answered(transport)
        assert not transport.is_reading()
        lose(transport)


async def test_a_borrowed_connection_goes_back_at_each_boundary_with_what_came_behind() -> None:
    async with a_proxy() as proxy:
        given: list[bytes] = []
        connection, transport = connected(proxy, given.append)
        connection.data_received(request(length=2) + b"xyGET / HTTP/1.1\r\n")
        assert await answered(transport) == ECHO_ANSWER
        assert given == [b"GET / HTTP/1.1\r\n"]
        connection.data_received(request())  # lent again
        await answered(transport)
        assert given == [b"GET / HTTP/1.1\r\n", b""]
        lose(transport)


# HTTP/1.0, 100-continue


async def test_http_1_0_keeps_the_connection_only_when_asked_to() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request(version="1.0", fields=RIGHT + "Connection: keep-alive\r\n"))
        assert await answered(transport) == ECHO_ANSWER
        assert not transport.is_ended()
        connection.data_received(request(version="1.0"))
        assert await answered(transport) == ECHO_ANSWER
        assert transport.is_ended()
        lose(transport)


async def test_a_client_that_waits_for_continue_gets_it_only_behind_its_password() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request(fields="Expect: 100-continue\r\n"))
        answer = await answered(transport)
        assert answer.startswith(CONTINUE + b"HTTP/1.1 401 ")  # observed: impacket waits for it even here
        expecting = RIGHT + "Expect: 100-continue\r\n"
        connection.data_received(request("RPC_OUT_DATA", length=76, fields=expecting))
        assert await answered(transport) == CONTINUE
        lose(transport)
        connection, transport = connected(proxy)
        connection.data_received(
            request("RPC_OUT_DATA", length=76, fields=WRONG + "Expect: 100-continue\r\n")
        )
        answer = await answered(transport)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert transport.is_ended()  # its body may come or not
        lose(transport)


# Refusals


class Accounts(MemoryAccounts):
    """Accounts that refuse, or that are away."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__({})
        self.error = error

    async def verify_password(self, name: str, password: str) -> Identity | None:
        if self.error is not None:
            raise self.error
        return None


async def refused_by(error: Exception | None) -> bytes:
    """What a client reads whose credentials are refused until its connection is closed."""
    async with a_proxy() as proxy:
        proxy.authenticator.accounts = Accounts(error)
        connection, transport = connected(proxy)
        said = b""
        while not transport.is_ended():
            connection.data_received(request(length=0, fields=WRONG))
            said += await answered(transport)
        lose(transport)
        return said


async def test_wrong_locked_and_disabled_look_alike() -> None:
    wrong = await refused_by(None)
    assert wrong.count(b"HTTP/1.1 401 ") == 3
    assert await refused_by(AccessDenied("Throttle", "too many")) == wrong
    assert await refused_by(AccessDenied("AccountDisabled", "user alice")) == wrong


async def test_where_accounts_are_is_not_said_when_they_are_away() -> None:
    answer = await refused_by(TransportError("the database canary cannot be used"))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"canary" not in answer


async def test_a_target_that_is_not_listed_is_refused_in_the_protocols_own_words() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        with capture_logs() as lines:
            connection.data_received(request(length=131_072, target="localhost:6005"))
            answer = await answered(transport)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 503 RPC Error: 6ba")
        assert b"X-Rpch-Rule: ValidPorts" in head
        assert b"Content-Length: %d" % len(body) in head
        assert transport.is_ended()
        known, line = lines
        assert (known["event"], known["user"], known["scheme"]) == ("authenticated", r"LAB\alice", "Basic")
        assert (line["rule"], line["target"], line["user"]) == ("ValidPorts", "localhost:6005", r"LAB\alice")
        lose(transport)


async def test_a_channel_without_tls_is_refused_before_anybody_looks_at_its_password() -> None:
    settings = ProxyConfiguration(tls_cert=None, user=[r"LAB\alice:pw"], valid_ports="localhost:6001")
    async with asyncio.TaskGroup() as tasks:
        connection, transport = connected(settings.proxy(tasks, settings.accounts()))
        connection.data_received(request(length=131_072))
        answer = await answered(transport)
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"X-Rpch-Rule: RequireTls" in answer
        lose(transport)


@pytest.mark.parametrize(
    ("head", "status", "rule"),
    [
        (b"RPC_IN_DATA /elsewhere HTTP/1.1\r\nHost: p\r\n\r\n", 404, "Path"),
        (b"RPC_IN_DATA /rpc/rpcproxy.dll?a:1 HTTP/1.1\r\n\r\n", 400, "Host"),
        (b"RPC_IN_DATA /rpc/rpcproxy.dll?a:1 HTTP/2.0\r\nHost: p\r\n\r\n", 505, "HttpVersion"),
        (b"RPC_IN_DATA /rpc/rpcproxy.dll?a:1 HTTP/1.1\nHost: p\n\n", 400, "LineEnd"),
        (
            b"RPC_IN_DATA /rpc/rpcproxy.dll?a:1 HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n",
            411,
            "CodingOnChannel",
        ),
    ],
)
async def test_a_head_that_breaks_the_rules_is_refused_by_name(head: bytes, status: int, rule: str) -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        with capture_logs() as lines:
            connection.data_received(head + request())
        answer = await answered(transport)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert answer.count(b"X-Rpch-Rule") == 1  # nothing behind it is answered
        assert transport.is_ended()
        assert [line["rule"] for line in lines] == [rule]
        connection.data_received(bytes(100))
        lose(transport)


# What does not come


async def test_a_head_that_does_not_come_whole_is_refused() -> None:
    async with a_proxy(heads=QUICK) as proxy:
        connection, transport = connected(proxy)
        with capture_logs() as lines:
            connection.data_received(request()[:30])
            await until(lambda: lines)
        assert transport.take().startswith(b"HTTP/1.1 408 ")
        assert [line["rule"] for line in lines] == ["HeadTimeout"]
        lose(transport)


async def test_a_connection_that_asks_nothing_is_closed() -> None:
    async with a_proxy(heads=QUICK) as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        assert await answered(transport) == ECHO_ANSWER
        await until(transport.is_closing)
        assert transport.take() == b""
        lose(transport)


async def test_a_short_body_that_does_not_come_is_not_waited_for() -> None:
    async with a_proxy(heads=QUICK) as proxy:
        connection, transport = connected(proxy)
        with capture_logs() as lines:
            connection.data_received(request(length=16_384, fields=""))
            await answered(transport)
            await until(transport.is_closing)
        assert [line["rule"] for line in lines] == ["BodyTimeout"]
        lose(transport)


async def test_the_end_of_the_server_ends_what_is_no_channel_yet() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request()[:30])
        connection.shutdown()
        assert transport.is_ended()
        connection.shutdown()
        lose(transport)


# Channels


@pytest.mark.conformance(1)
async def test_an_allowed_request_becomes_a_channel_and_takes_what_came_behind_its_head() -> None:
    async with a_proxy() as proxy:
        connection, transport = connected(proxy)
        connection.data_received(request())
        assert await answered(transport) == ECHO_ANSWER
        connection.data_received(request("RPC_OUT_DATA", length=76) + A1[:10])
        await answered(transport)
        assert transport.protocol is not connection
        assert not proxy.drivers  # nothing begins before the first PDU is whole
        with capture_logs() as lines:
            await until(lambda: any(line["event"] == "refused" for line in lines))
        assert [line["rule"] for line in lines if line["event"] == "refused"] == ["FirstPduTimeout"]
        assert transport.take().startswith(b"HTTP/1.0 503 RPC Error: 6c0")
        lose(transport)


# What an administrator has said about one user


async def ruled(answer: Denied | Exception | None) -> bytes:
    """What two echoes in one read are answered, where this is what the rule says."""

    async def rule(identity: Identity) -> Denied | None:
        await asyncio.sleep(0)
        assert identity == Identity("alice", "LAB")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with a_proxy() as proxy:
        proxy.user_rule = rule
        connection, transport = connected(proxy)
        connection.data_received(request() + request("RPC_OUT_DATA"))
        said = await answered(transport) + await answered(transport)
        lose(transport)
        return said


async def test_a_user_is_let_in_or_refused_by_its_own_rule() -> None:
    assert await ruled(None) == ECHO_ANSWER * 2
    with capture_logs() as lines:
        said = await ruled(Denied("MAPIBlockOutlookRpcHttp", 403, "switched off"))
    assert said.startswith(b"HTTP/1.1 403 ")
    assert said.count(b"HTTP/1.1 ") == 1
    (refused,) = [line for line in lines if line["event"] == "refused"]
    assert (refused["rule"], refused["user"]) == ("MAPIBlockOutlookRpcHttp", r"LAB\alice")


async def test_a_rule_that_cannot_be_looked_up_lets_nobody_in_and_says_no_more() -> None:
    said = await ruled(TransportError("the database canary cannot be used"))
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"canary" not in said


async def test_a_client_that_goes_while_its_rule_is_looked_up_gets_no_answer() -> None:
    asking = asyncio.Event()

    async def rule(identity: Identity) -> Denied | None:
        asking.set()
        await asyncio.Event().wait()
        return None

    async with a_proxy() as proxy:
        proxy.user_rule = rule
        connection, transport = connected(proxy)
        connection.data_received(request())
        await asking.wait()
        lose(transport)
        assert await answered(transport) == b""

"""`rpch ping` on a system that is in order, and on each thing that may be wrong with one."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme

from rpch.client.credentials import Credentials
from rpch.client.principals import Principal
from rpch.client.security import RpcCredentials
from rpch.dcerpc.binding import parse_interface
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import AuthLevel, AuthType, SyntaxId
from rpch.probe.ladder import Outcome
from rpch.server.demo import Demo
from tests.e2e.ping_laboratory import (
    CALLER,
    PASSWORD,
    QUICK,
    USER,
    Laboratory,
    Serve,
    answering,
    buffering,
    failure,
    first_of_in,
    hang_up,
    laboratory,
    mute,
    outcomes,
    serving,
    tls_of,
    try_it,
)

DEMO = interface_of(Demo).syntax


@pytest.fixture
async def lab() -> AsyncIterator[Laboratory]:
    async with laboratory() as running:
        yield running


def through(port: int, endpoint: int | str = 593, host: str = "localhost") -> str:
    return f"ncacn_http:localhost[{endpoint},RpcProxy={host}:{port}]"


def by_way_of(port: int) -> str:
    return f"HttpProxy=localhost:{port},HttpConnectionOption=UseHttpProxy"


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.lab.example ESMTP\r\n")
    await mute(reader, writer)


async def test_every_step_to_the_mapper_works_over_tls(lab: Laboratory) -> None:
    report = await try_it(through(lab.secure), tls=lab.trust())
    assert report.ok
    names = ["dns", "tcp", "tls", "schemes", "echo_in", "echo_out", "mapper", "bind", "call", "recycle_in"]
    assert outcomes(report) == dict.fromkeys(names, "ok") | {"recycle_out": "skipped"}
    seen = {result.step.name: result.detail for result in report.results}
    assert "certificate for localhost" in seen["tls"]
    assert seen["schemes"] == '401, offering Basic realm="rpch"'
    assert seen["echo_in"] == rf"RPC_IN_DATA answered with the echo PDU, as {USER} by Basic"
    assert seen["mapper"] == "it lists 1 interface, ncacn_http on 6001"
    assert seen["call"].startswith("the server listens; it offers e1af8308-5d1f-11c9-91a4-08002b14a0fa/v3.0")
    assert all(result.seconds > 0 for result in report.results[:-1])
    assert "a successor took over in" in seen["recycle_in"]
    assert seen["recycle_out"].startswith("only the server begins that")


async def test_a_port_is_reached_beside_the_mapper(lab: Laboratory) -> None:
    report = await try_it(through(lab.plain, 6001), calls=3)
    assert report.ok
    assert "tls" not in outcomes(report)
    assert outcomes(report)["port"] == "ok"
    seen = {result.step.name: result.detail for result in report.results}
    assert "3 calls took" in seen["call"]


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Whoever has said what he wants is refused."""
    writer.write(b"HTTP/1.1 503 RPC Error: 5\r\nContent-Length: 0\r\n\r\n")
    await mute(reader, writer)


@pytest.mark.slow
async def test_both_channels_are_replaced_where_out_can_be_used_up() -> None:
    async with laboratory(channel_lifetime=131_072) as short:
        report = await try_it(through(short.plain, 6001))
    assert set(outcomes(report).values()) == {"ok"}


@pytest.mark.parametrize(
    ("instead", "cause", "within"),
    [
        (refuse, "refuses a successor", 5.0),
        (mute, "was not answered", QUICK),
        (hang_up, "ended when the IN channel", 5.0),
    ],
)
async def test_successors_that_do_not_pass_are_shown_and_fail_nothing(
    lab: Laboratory, instead: Serve, cause: str, within: float
) -> None:
    async with serving(first_of_in(lab.plain, instead)) as relay:
        report = await try_it(through(relay, 6001), timeout=within)
    assert report.ok
    assert outcomes(report)["call"] == "ok"
    failed = failure(report)
    assert (failed.step.name, failed.step.needed) == ("recycle_in", False)
    assert failed.explanation is not None
    assert cause in failed.explanation.cause
    assert outcomes(report)["recycle_out"] == "skipped"


async def test_an_interface_is_found_through_the_mapper(lab: Laboratory) -> None:
    report = await try_it(through(lab.plain, ""), interface=DEMO)
    assert report.ok
    seen = {result.step.name: result.detail for result in report.results}
    assert seen["mapper"] == f"{DEMO} is on port 6001"
    assert seen["port"] == "open to localhost:6001"
    assert seen["bind"] == f"{DEMO} accepted"


async def test_who_says_nothing_of_himself_is_told_to(lab: Laboratory) -> None:
    await check_failure(through(lab.plain), "echo_in", "nobody who does not say", "--user", credentials=None)


async def test_a_proxy_that_asks_nobody_needs_no_credentials() -> None:
    async with laboratory(open_to_all=True) as running:
        report = await try_it(through(running.plain), credentials=None)
    assert report.ok
    seen = {result.step.name: result.detail for result in report.results}
    assert seen["schemes"] == "200 without credentials: the proxy lets everybody in"
    assert seen["echo_in"] == "RPC_IN_DATA answered with the echo PDU"


async def test_plain_tcp_needs_four_steps(lab: Laboratory) -> None:
    report = await try_it(f"ncacn_ip_tcp:127.0.0.1[{lab.demo_tcp}]")
    assert outcomes(report) == dict.fromkeys(["dns", "tcp", "bind", "call"], "ok")
    assert report.results[0].detail == "127.0.0.1 is an address"


async def test_only_the_proxy_is_asked_for_an_echo(lab: Laboratory) -> None:
    report = await try_it(through(lab.plain, 7001), echo_only=True)
    assert outcomes(report) == dict.fromkeys(["dns", "tcp", "schemes", "echo_in", "echo_out"], "ok")


async def check_failure(binding: str, step: str, cause: str, cure: str, **how: Any) -> None:
    """One step fails, with these words in its cause and its cure, and nothing after it is tried."""
    report = await try_it(binding, **how)
    failed = failure(report)
    assert failed.step.name == step, outcomes(report)
    assert failed.explanation is not None
    assert cause in failed.explanation.cause
    assert cure in failed.explanation.cure
    assert not report.ok
    after = report.results[report.results.index(failed) + 1 :]
    assert {result.outcome for result in after} <= {Outcome.SKIPPED}


async def test_a_wrong_password_is_tried_once(lab: Laboratory) -> None:
    wrong = Credentials(USER, "guess")
    await check_failure(
        through(lab.plain),
        "echo_in",
        rf"does not accept {USER} with this password",
        "No further attempt",
        credentials=wrong,
    )


async def test_a_target_that_is_not_permitted_is_told_from_one_that_is_not_there(lab: Laboratory) -> None:
    denied, absent = through(lab.plain, 6005), through(lab.plain, 7001)
    await check_failure(denied, "port", "ValidPorts does not permit localhost:6005", "'localhost:6005'")
    await check_failure(absent, "port", "cannot connect to it", "listens for RPC over HTTP")


async def test_a_mapper_that_is_not_needed_does_not_fail_the_whole() -> None:
    async with laboratory(valid_ports="localhost:6001") as running:
        report = await try_it(through(running.plain, 6001))
    assert failure(report).step.name == "mapper"
    assert not failure(report).step.needed
    assert report.ok
    assert outcomes(report)["call"] == "ok"


async def test_an_interface_that_nobody_registered_is_not_found(lab: Laboratory) -> None:
    unknown = parse_interface("00000000-0000-0000-0000-000000000001/v1.0")
    await check_failure(
        through(lab.plain, ""), "mapper", "knows no such interface", "port", interface=unknown
    )


async def test_an_interface_that_is_elsewhere_is_not_bound(lab: Laboratory) -> None:
    elsewhere = SyntaxId(DEMO.uuid, 9)
    await check_failure(
        through(lab.plain, 6001), "bind", "does not offer the interface", "-f UUID", interface=elsewhere
    )


@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
@pytest.mark.parametrize("endpoint", [593, 6001])
async def test_the_server_is_told_who_calls(lab: Laboratory, auth_type: AuthType, endpoint: int) -> None:
    bob = RpcCredentials(CALLER, PASSWORD, AuthLevel.PKT_PRIVACY, auth_type)
    report = await try_it(through(lab.plain, endpoint), caller=bob)
    assert report.ok
    seen = {result.step.name: result.detail for result in report.results}
    assert seen["bind"] == rf"remote management accepted, as LAB\bob by {auth_type.name}, PKT_PRIVACY"


@pytest.mark.parametrize("auth_type", [AuthType.NTLM, AuthType.NEGOTIATE])
async def test_a_caller_whom_the_server_does_not_know_is_told_from_the_user_of_the_proxy(
    lab: Laboratory, auth_type: AuthType
) -> None:
    stranger = RpcCredentials(USER, PASSWORD, AuthLevel.PKT_PRIVACY, auth_type)
    report = await try_it(through(lab.plain, 6001), caller=stranger)
    failed = failure(report)
    assert failed.step.name in ("bind", "call")
    assert failed.explanation is not None
    assert USER in failed.explanation.cause
    assert "-I" in failed.explanation.cure


# Names and addresses


async def test_a_name_that_is_nowhere_is_not_resolved(lab: Laboratory) -> None:
    await check_failure(
        through(lab.plain, host="nowhere.invalid"), "dns", "nowhere.invalid is not known", "spelling"
    )


async def test_a_port_where_nobody_listens_refuses() -> None:
    await check_failure(through(1), "tcp", "Nothing listens on localhost:1", "port")


# TLS


async def test_an_authority_that_nobody_knows_is_named(lab: Laboratory) -> None:
    stranger = trustme.CA(organization_name="Somebody else")
    async with serving(mute, tls_of(stranger, "localhost")) as port:
        await check_failure(
            through(port), "tls", "Nobody here trusts the authority", "--tls-ca", tls=lab.trust()
        )


async def test_a_certificate_for_another_name_says_which(lab: Laboratory) -> None:
    async with serving(mute, tls_of(lab.authority, "mail.lab.example")) as port:
        await check_failure(
            through(port),
            "tls",
            "not for localhost but for mail.lab.example",
            "mail.lab.example",
            tls=lab.trust(),
        )


async def test_a_certificate_that_has_ended_says_when(lab: Laboratory) -> None:
    ended = dt.datetime(2020, 2, 29, tzinfo=dt.UTC)
    began = ended - dt.timedelta(days=90)
    own = tls_of(lab.authority, "localhost", not_before=began, not_after=ended)
    async with serving(mute, own) as port:
        await check_failure(through(port), "tls", "expired on 2020-02-29", "Renew", tls=lab.trust())


async def test_a_certificate_of_another_principal_is_refused(lab: Laboratory) -> None:
    await check_failure(
        through(lab.secure),
        "tls",
        "msstd:localhost",
        "profile",
        tls=lab.trust(),
        principal=Principal.parse("msstd:mail.lab.example"),
    )


async def test_tls_spoken_to_a_plain_port_is_noticed(lab: Laboratory) -> None:
    await check_failure(through(lab.plain), "tls", "speaks plain HTTP", "--no-tls", tls=lab.trust())


async def test_plain_http_spoken_to_a_tls_port_is_noticed(lab: Laboratory) -> None:
    await check_failure(through(lab.secure), "schemes", "wants TLS", "--no-tls away")


@pytest.mark.slow
async def test_a_port_that_takes_tls_bytes_and_says_nothing(lab: Laboratory) -> None:
    async with serving(mute) as port:
        await check_failure(
            through(port), "tls", "no TLS handshake", "may not speak TLS", tls=lab.trust(), timeout=QUICK
        )


async def test_a_port_that_breaks_off_the_handshake(lab: Laboratory) -> None:
    async with serving(hang_up) as port:
        await check_failure(through(port), "tls", "breaks off the TLS handshake", "relay", tls=lab.trust())


# HTTP


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_an_rpc_servers_own_port_is_no_proxy(lab: Laboratory, secure: bool) -> None:
    step, tls = ("tls", lab.trust()) if secure else ("schemes", None)
    await check_failure(through(lab.mapper), step, "RPC server's own port", "RpcProxy=", tls=tls)


ANSWERS = [
    ("404 Not Found", "", "serves nothing at /rpc/rpcproxy.dll", "install or enable"),
    ("405 Method Not Allowed", "", "does not know the methods", "pass all methods on"),
    ("501 Not Implemented", "", "does not know the methods", "pass all methods on"),
    ("403 Forbidden", "X-Rpch-Rule: RequireTls\r\n", "over TLS only", "--trusted-relay"),
    ("403 Forbidden", "", "forbids it", "filters"),
    ("400 Bad Request", "", "does not understand", "filter"),
    ("302 Found", "Location: https://login.lab.example/\r\n", "https://login.lab.example/", "login page"),
    ("502 Bad Gateway", "", "does not get through", "relay's settings"),
    ("503 Service Unavailable", "", "stopped or overloaded", "application pool"),
    ("200 OK", "", "no RPC proxy", "reverse proxy"),
    ("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", "credentials of its own", "-A"),
    ("418 I'm a teapot", "", "418 I'm a teapot", "log"),
]


@pytest.mark.parametrize(("status", "field", "cause", "cure"), ANSWERS, ids=[it[0] for it in ANSWERS])
async def test_who_is_no_rpc_proxy_is_told_what_to_be(status: str, field: str, cause: str, cure: str) -> None:
    answer = f"HTTP/1.1 {status}\r\n{field}Content-Length: 2\r\n\r\nno".encode()
    async with serving(answering(answer)) as port:
        report = await try_it(through(port), timeout=0.2)
    failed = next(result for result in report.results if result.outcome is Outcome.FAILED)
    assert failed.step.name == "schemes"
    assert failed.explanation is not None
    assert cause in failed.explanation.cause
    assert cure in failed.explanation.cure


async def test_schemes_that_we_do_not_have_are_named() -> None:
    answer = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=x\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(answer)) as port:
        await check_failure(through(port), "echo_in", "Digest", "-H")


async def test_who_closes_without_a_word_speaks_no_http() -> None:
    async with serving(hang_up) as port:
        await check_failure(through(port), "schemes", "closed the connection without an answer", "methods")


@pytest.mark.slow
async def test_who_says_nothing_is_not_waited_for_again() -> None:
    async with serving(mute) as port:
        await check_failure(through(port), "schemes", "not answered", "--timeout", timeout=QUICK)


# Reverse proxies


@pytest.mark.slow
async def test_a_relay_that_holds_back_responses_lets_echoes_pass(lab: Laboratory) -> None:
    async with serving(buffering(lab.plain, responses=True)) as port:
        await check_failure(
            through(port), "mapper", "holds back the response", "proxy_buffering off", timeout=QUICK
        )


@pytest.mark.slow
async def test_a_relay_that_holds_back_requests_lets_echoes_pass(lab: Laboratory) -> None:
    async with serving(buffering(lab.plain, requests=True)) as port:
        await check_failure(
            through(port), "mapper", "end of the request", "proxy_request_buffering off", timeout=QUICK
        )


# Servers


async def test_a_port_of_the_other_protocol_is_not_rpc(lab: Laboratory) -> None:
    await check_failure(f"ncacn_ip_tcp:127.0.0.1[{lab.mapper}]", "bind", "is not RPC", "ncacn_http")


async def test_a_server_that_hangs_up_is_told_from_one_that_is_not_there() -> None:
    async with serving(hang_up) as port:
        await check_failure(f"ncacn_ip_tcp:127.0.0.1[{port}]", "bind", "closed again", "logs")


@pytest.mark.slow
async def test_a_server_that_says_nothing_is_waited_for_as_long_as_one_likes() -> None:
    async with serving(mute) as port:
        await check_failure(
            f"ncacn_ip_tcp:127.0.0.1[{port}]", "bind", "does not answer", "--timeout", timeout=QUICK
        )


@pytest.mark.parametrize(
    ("behind", "cause"),
    [(hang_up, "closed again"), (smtp, "closed again"), (mute, "Channels to another port pass")],
    ids=["closes", "says something else", "says nothing"],
)
async def test_a_target_that_is_no_ncacn_http_server_is_noticed(behind: Serve, cause: str) -> None:
    async with serving(behind) as port, laboratory(behind=port) as running:
        await check_failure(through(running.plain, 7002), "port", cause, "ncacn_http", timeout=QUICK)


async def test_a_target_of_plain_tcp_behind_a_proxy_is_noticed(lab: Laboratory) -> None:
    async with laboratory(behind=lab.demo_tcp) as running:
        # Its answer, or its going away, comes first.
        await check_failure(through(running.plain, 7002), "port", "localhost:7002", "ncacn_ip_tcp")


# HTTP proxies on the way


async def test_an_http_proxy_that_says_no_is_named(lab: Laboratory) -> None:
    async with serving(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as port:
        binding = f"ncacn_http:localhost[593,RpcProxy=localhost:{lab.secure},{by_way_of(port)}]"
        await check_failure(binding, "tls", "does not let us through", "permit CONNECT", tls=lab.trust())


async def test_an_http_proxy_that_wants_credentials_is_told_from_the_rpc_proxy(lab: Laboratory) -> None:
    asks = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(asks)) as port:
        binding = f"ncacn_http:localhost[593,RpcProxy=localhost:{lab.secure},{by_way_of(port)}]"
        await check_failure(binding, "tls", "HTTP proxy on the way", "-A", tls=lab.trust())
        plain = f"ncacn_http:localhost[593,RpcProxy=localhost:{lab.plain},{by_way_of(port)}]"
        await check_failure(plain, "schemes", "HTTP proxy on the way", "-A")

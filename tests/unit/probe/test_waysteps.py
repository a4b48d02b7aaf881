"""From a name to an RPC proxy that lets us in, step by step."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.connections import NoAnswer
from rpch.client.credentials import Credentials
from rpch.dcerpc.binding import StringBinding
from rpch.errors import AuthenticationFailed, ProxyError, RemoteProtocolError, TransportError
from rpch.http.answers import echo_answer
from rpch.http.outcomes import Interim
from rpch.probe.findings import (
    HttpProxyAsks,
    NotAnRpcProxy,
    NoUsableScheme,
    OnlyInTheClear,
    SpeaksPlain,
    SpeaksRpc,
    SpeaksTls,
    UntrustedCertificate,
)
from rpch.probe.target import PingTarget, ping_target
from rpch.probe.waysteps import NetworkSteps, ProxySteps
from tests.e2e.ping_laboratory import (
    ALICE,
    PASSWORD,
    USER,
    Laboratory,
    Serve,
    answering,
    hang_up,
    laboratory,
    mute,
    serving,
    tls_alert,
)


@pytest.fixture
async def lab() -> AsyncIterator[Laboratory]:
    async with laboratory() as running:
        yield running


def target_at(port: int, host: str = "localhost", more: str = "", **how: Any) -> PingTarget:
    how.setdefault("credentials", ALICE)
    how.setdefault("timeout", 2.0)
    return ping_target(StringBinding.parse(f"ncacn_http:server[593,RpcProxy={host}:{port}{more}]"), **how)


def steps_at(port: int, host: str = "localhost", more: str = "", **how: Any) -> ProxySteps:
    target = target_at(port, host, more, **how)
    assert target.access is not None
    network = NetworkSteps(target)
    network.reached_loopback = True
    return ProxySteps(target, target.access, network)


# Names and addresses


async def test_a_name_has_addresses() -> None:
    network = NetworkSteps(target_at(443))
    assert (await network.dns()).startswith("localhost is ")
    assert "127.0.0.1" in network.addresses or "::1" in network.addresses


async def test_an_address_needs_no_name() -> None:
    assert await NetworkSteps(target_at(443, "127.0.0.1")).dns() == "127.0.0.1 is an address"


async def test_a_name_that_is_not_there_is_an_error_of_dns() -> None:
    with pytest.raises(TransportError, match=r"nowhere\.invalid cannot be resolved") as failed:
        await NetworkSteps(target_at(443, "nowhere.invalid")).dns()
    assert isinstance(failed.value.__cause__, socket.gaierror)


async def test_a_resolver_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(*about: object, **more: object) -> list[object]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", sleep)
    with pytest.raises(NoAnswer, match="no answer about localhost"):
        await NetworkSteps(target_at(443, timeout=0.02)).dns()


async def test_one_address_that_answers_is_enough(lab: Laboratory) -> None:
    network = NetworkSteps(target_at(lab.plain))
    network.addresses = ["127.0.0.2", "127.0.0.1"]
    said = await network.tcp()
    assert said.startswith(f"connected to 127.0.0.1:{lab.plain} (127.0.0.2:{lab.plain}: ")
    assert network.reached_loopback


async def test_no_address_is_no_connection() -> None:
    network = NetworkSteps(target_at(443))
    with pytest.raises(TransportError, match="localhost has no address"):
        await network.tcp()
    network.addresses = ["::1", "127.0.0.2"]
    with pytest.raises(TransportError, match=r"127\.0\.0\.2:443: "):
        await network.tcp()


async def test_an_address_that_swallows_everything_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(*about: object, **more: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", sleep)
    network = NetworkSteps(target_at(443, timeout=0.02))
    network.addresses = ["127.0.0.1"]
    with pytest.raises(NoAnswer, match=r"127\.0\.0\.1:443 did not answer"):
        await network.tcp()


# TLS


async def test_tls_shows_its_certificate(lab: Laboratory) -> None:
    said = await steps_at(lab.secure, tls=lab.trust()).tls()
    assert said.startswith("TLSv1.")
    assert "certificate for localhost, 127.0.0.1; subject localhost" in said


async def test_a_certificate_that_is_not_trusted_is_looked_at(lab: Laboratory) -> None:
    with pytest.raises(UntrustedCertificate) as refused:
        await steps_at(lab.secure, tls=ssl.create_default_context()).tls()
    assert refused.value.certificate is not None
    assert refused.value.certificate.subject == "localhost"


async def test_other_protocols_are_recognised_under_tls(lab: Laboratory) -> None:
    with pytest.raises(SpeaksPlain):
        await steps_at(lab.plain, tls=lab.trust()).tls()
    with pytest.raises(SpeaksRpc):
        await steps_at(lab.mapper, tls=lab.trust()).tls()
    async with serving(hang_up) as port:
        with pytest.raises(TransportError, match="closed during the TLS handshake") as failed:
            await steps_at(port, tls=lab.trust()).tls()
        through_relay = INSIST.format(port=port)
        with pytest.raises(TransportError, match="closed"):
            await steps_at(lab.secure, more=through_relay, tls=lab.trust()).tls()
    assert type(failed.value) is TransportError


async def test_a_handshake_without_agreement_stays_what_it_is(lab: Laboratory) -> None:
    async with serving(tls_alert) as port:
        with pytest.raises(TransportError, match="HANDSHAKE_FAILURE") as failed:
            await steps_at(port, tls=lab.trust()).tls()
    assert isinstance(failed.value.__cause__, ssl.SSLError)


INSIST = ",HttpProxy=localhost:{port},HttpConnectionOption=UseHttpProxy"
ASKS = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"


async def test_an_http_proxy_that_asks_is_told_from_the_rpc_proxy(lab: Laboratory) -> None:
    async with serving(answering(ASKS)) as port:
        more = INSIST.format(port=port)
        with pytest.raises(HttpProxyAsks):
            await steps_at(lab.secure, more=more, tls=lab.trust()).tls()
        with pytest.raises(HttpProxyAsks):
            await steps_at(lab.plain, more=more).schemes()
        # Without credentials for it, and without knowing that there is one.
        with pytest.raises(HttpProxyAsks):
            await steps_at(port).schemes()


# HTTP


async def test_a_stranger_is_told_the_offers(lab: Laboratory) -> None:
    steps = steps_at(lab.plain)
    assert await steps.schemes() == '401, offering Basic realm="rpch"'
    assert steps.offers is not None
    assert [offer.scheme for offer in steps.offers] == ["Basic"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (echo_answer(), "200 without credentials: the proxy lets everybody in"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "401, offering nothing"),
        (
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Negotiate\r\n\r\n",
            "401, offering NTLM, Negotiate",
        ),
    ],
)
async def test_what_a_stranger_is_told(answer: bytes, said: str) -> None:
    async with serving(answering(answer)) as port:
        assert await steps_at(port).schemes() == said


async def test_credentials_go_in_by_both_methods(lab: Laboratory) -> None:
    steps = steps_at(lab.plain)
    await steps.schemes()
    assert await steps.echo_in() == rf"RPC_IN_DATA answered with the echo PDU, as {USER} by Basic"
    assert await steps.echo_out() == rf"RPC_OUT_DATA answered with the echo PDU, as {USER} by Basic"


async def test_a_scheme_that_was_named_is_shown(lab: Laboratory) -> None:
    named = Credentials(USER, PASSWORD, Scheme.BASIC)
    assert (await steps_at(lab.plain, credentials=named).echo_in()).endswith("by Basic")


async def test_an_echo_must_be_one() -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) as port:
        with pytest.raises(NotAnRpcProxy, match="2 bytes that are no echo PDU"):
            await steps_at(port).schemes()
        with pytest.raises(NotAnRpcProxy):
            await steps_at(port).echo_in()


async def test_a_proxy_that_refuses_everything_is_taken_at_its_word() -> None:
    async with serving(answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")) as port:
        with pytest.raises(ProxyError, match="404"):
            await steps_at(port).schemes()
        with pytest.raises(ProxyError, match="404"):
            await steps_at(port).echo_out()


async def test_other_protocols_are_recognised_in_the_clear(lab: Laboratory) -> None:
    with pytest.raises(SpeaksTls):
        await steps_at(lab.secure).schemes()
    with pytest.raises(SpeaksRpc):
        await steps_at(lab.mapper).schemes()


@pytest.mark.parametrize(("serve", "kind"), [(hang_up, TransportError), (mute, NoAnswer)])
async def test_who_speaks_nothing_known_stays_unknown(serve: Serve, kind: type[TransportError]) -> None:
    async with serving(serve) as port:
        with pytest.raises(kind) as failed:
            await steps_at(port, timeout=0.05).schemes()
    assert type(failed.value) is kind


def test_an_answer_before_the_answer_is_none() -> None:
    with pytest.raises(RemoteProtocolError, match="no final answer"):
        steps_at(443)._offered(Interim(100), b"")


# Credentials that are refused


async def refused(port: int, offers: bool = True, **how: Any) -> AuthenticationFailed:
    steps = steps_at(port, **how)
    if offers:
        await steps.schemes()
    with pytest.raises(AuthenticationFailed) as failed:
        await steps.echo_in()
    return failed.value


async def test_a_wrong_password_is_just_that(lab: Laboratory) -> None:
    wrong = Credentials(USER, "guess")
    assert type(await refused(lab.plain, credentials=wrong)) is AuthenticationFailed
    assert type(await refused(lab.plain, offers=False, credentials=wrong)) is AuthenticationFailed


async def test_nobody_is_not_let_in(lab: Laboratory) -> None:
    assert str(await refused(lab.plain, credentials=None)) == "401, and nobody said who he is"


async def test_a_scheme_that_is_not_offered_is_told_from_a_wrong_password(lab: Laboratory) -> None:
    ntlm = Credentials(USER, PASSWORD, Scheme.NTLM)
    assert isinstance(await refused(lab.plain, credentials=ntlm), NoUsableScheme)
    async with serving(answering(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest\r\n\r\n")) as port:
        assert isinstance(await refused(port), NoUsableScheme)


async def test_a_password_in_the_clear_is_told_from_a_wrong_one(lab: Laboratory) -> None:
    steps = steps_at(lab.plain, credentials=Credentials(USER, "guess"))
    steps._network.reached_loopback = False  # as from another machine, where the client sends no password
    await steps.schemes()
    with pytest.raises(OnlyInTheClear):
        await steps.echo_in()


async def test_an_answer_that_never_ends_is_no_answer() -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")) as port:
        with pytest.raises(RemoteProtocolError, match="passed over"):
            await steps_at(port, timeout=0.05).schemes()

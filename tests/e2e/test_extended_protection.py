"""Whether NTLM that was meant for somebody else is taken: over real TLS, and with a real relay in between.

Every binding a client can send, against every mode. The relay has a certificate that its victim trusts, as
one has whom a victim was lured to, and passes on whatever the victim proves.  MS-NLMP 3.2.5.1.2
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import spnego
import trustme
from spnego.channel_bindings import GssChannelBindings
from structlog.testing import capture_logs

from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.ntlm.av_pairs import AvId
from rpch.auth.outcomes import AuthRule
from rpch.auth.schemes import Scheme
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.connection import ProxyConnection
from tests.ntlm_over_http import HttpsPeer, TokenMaker
from tests.unit.auth.ntlm.crafted_client import CraftedClient

PASSWORD = "Passw0rd!"
MODES = ("none", "allow", "require")


class Authority:
    """Two certificates for this machine of one authority: ours and a relay's."""

    def __init__(self, folder: Path) -> None:
        ca = trustme.CA()
        self.ca = folder / "ca.pem"
        ca.cert_pem.write_to_path(self.ca)
        self.proxy, self.relay = (self._issued(ca, folder / name) for name in ("proxy.pem", "relay.pem"))

    @staticmethod
    def _issued(ca: trustme.CA, file: Path) -> Path:
        ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(file)
        return file


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def proxy_of(authority: Authority, mode: str) -> AsyncIterator[int]:
    """The port of a proxy with TLS of its own."""
    settings = ProxyConfiguration(
        tls_cert=authority.proxy,
        user=[rf"LAB\alice:{PASSWORD}"],
        public_name="localhost",
        extended_protection=mode,
        auth=["NTLM", "Negotiate"],
    )
    async with asyncio.TaskGroup() as tasks:
        proxy = settings.proxy(tasks, settings.accounts())
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: ProxyConnection(proxy), "127.0.0.1", 0, ssl=settings.tls()
        )
        try:
            yield int(listener.sockets[0].getsockname()[1])
        finally:
            listener.close()


def by_pyspnego(scheme: Scheme, binding: ChannelBinding | None) -> TokenMaker:
    """A client that has seen this certificate, or none."""
    context = spnego.client(
        r"LAB\alice",
        PASSWORD,
        hostname="localhost",
        service="HTTP",
        protocol="ntlm" if scheme is Scheme.NTLM else "negotiate",
        options=spnego.NegotiateOptions.use_ntlm
        if scheme is Scheme.NTLM
        else spnego.NegotiateOptions.use_negotiate,
        channel_bindings=GssChannelBindings(application_data=binding.application_data) if binding else None,
    )
    return context.step


def crafted(sent: bytes | None) -> TokenMaker:
    """A client with a MIC that sends this as its binding."""
    client = CraftedClient(password=PASSWORD, pairs={AvId.CHANNEL_BINDINGS: sent})
    return lambda token: client.negotiate() if token is None else client.authenticate(token)


def proves(port: int, ca: Path, scheme: Scheme, make: Callable[[bytes], TokenMaker]) -> int:
    """The status of an exchange; the maker of tokens is told which certificate was seen."""
    with HttpsPeer(port, ca) as peer:
        return peer.prove(scheme, make(peer.certificate))


SENT: dict[str, Callable[[bytes], bytes | None]] = {
    "none": lambda certificate: None,
    "zero": lambda certificate: bytes(16),
    "wrong": lambda certificate: _bound(certificate)[::-1],
    "right": lambda certificate: _bound(certificate),
}


def _bound(certificate: bytes) -> bytes:
    binding = ChannelBinding.of_certificate(certificate)
    assert binding is not None
    return binding.digest


REFUSED = {
    ("allow", "wrong"): AuthRule.CHANNEL_BINDING,
    ("require", "wrong"): AuthRule.CHANNEL_BINDING,
    ("require", "none"): AuthRule.NO_CHANNEL_BINDING,
    ("require", "zero"): AuthRule.NO_CHANNEL_BINDING,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sent", SENT)
async def test_each_binding_counts_as_the_mode_says(authority: Authority, mode: str, sent: str) -> None:
    with capture_logs() as lines:
        async with proxy_of(authority, mode) as port:
            status = await asyncio.to_thread(
                proves, port, authority.ca, Scheme.NTLM, lambda certificate: crafted(SENT[sent](certificate))
            )
    rule = REFUSED.get((mode, sent))
    assert status == (401 if rule else 200)
    assert [line["rule"] for line in lines if "rule" in line] == ([rule] if rule else [])


@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
@pytest.mark.parametrize("mode", MODES)
async def test_pyspnego_with_the_binding_it_saw_is_let_in(
    authority: Authority, mode: str, scheme: Scheme
) -> None:
    async with proxy_of(authority, mode) as port:
        assert (
            await asyncio.to_thread(
                proves,
                port,
                authority.ca,
                scheme,
                lambda certificate: by_pyspnego(scheme, ChannelBinding.of_certificate(certificate)),
            )
            == 200
        )


# A relay


@asynccontextmanager
async def relay_to(authority: Authority, port: int) -> AsyncIterator[int]:
    """Ends TLS with its own certificate, and passes all that it reads on to the proxy, and back."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(authority.relay)
    trusting = ssl.create_default_context(cafile=authority.ca)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("localhost", port, ssl=trusting)
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    listener = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=own)
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()


@pytest.mark.parametrize(
    ("mode", "binds", "rule"),
    [
        ("none", True, None),
        ("none", False, None),
        ("allow", True, AuthRule.CHANNEL_BINDING),
        ("allow", False, None),  # what a client does not say, nobody can check: hence Require by default
        ("require", True, AuthRule.CHANNEL_BINDING),
        ("require", False, AuthRule.NO_CHANNEL_BINDING),
    ],
)
async def test_a_victim_of_a_relay_is_not_impersonated(
    authority: Authority, mode: str, binds: bool, rule: AuthRule | None
) -> None:
    def victim(certificate: bytes) -> TokenMaker:
        return by_pyspnego(Scheme.NTLM, ChannelBinding.of_certificate(certificate) if binds else None)

    with capture_logs() as lines:
        async with proxy_of(authority, mode) as port, relay_to(authority, port) as relay:
            status = await asyncio.to_thread(proves, relay, authority.ca, Scheme.NTLM, victim)
    assert status == (401 if rule else 200)
    assert [line["rule"] for line in lines if "rule" in line] == ([rule] if rule else [])

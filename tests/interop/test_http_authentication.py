"""Other people's HTTP authentication against `rpch proxy` over TLS, under each mode of extended protection.

What is refused is refused by name: the log says which rule it was.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import spnego
from impacket import ntlm
from impacket.dcerpc.v5.epm import hept_lookup
from impacket.dcerpc.v5.rpch import RPCProxyClientException
from impacket.http import AUTH_BASIC, AUTH_NTLM
from impacket.uuid import uuidtup_to_bin
from spnego.channel_bindings import GssChannelBindings

from rpch.auth.channel_binding import ChannelBinding
from tests.interop.impacket_client import over_http
from tests.interop.laboratory import ADD, DEMO, Laboratory, laboratory
from tests.interop.processes import run_once
from tests.interop.relays import Account, Authority
from tests.interop.rpch_commands import Served, serving
from tests.interop.samba_client import SambaClient, http_binding
from tests.ntlm_over_http import ECHO, HttpsPeer

NONE, ALLOW, REQUIRE = MODES = ("none", "allow", "require")
DEMO_TARGET, MAPPER_TARGET = "server:6001", "server:593"


@dataclass
class Listener:
    """A proxy with TLS of its own."""

    served: Served
    ca: Path
    account: Account

    @property
    def user(self) -> str:
        """Who may come in, as a client names them."""
        return f"{self.account.domain}\\{self.account.user}"

    def refusals(self) -> list[str]:
        """By which rules it has refused credentials so far."""
        return [line["rule"] for line in self.served.log() if "rule" in line]

    @property
    def last_refusal(self) -> dict[str, Any]:
        """What the log says of the last one."""
        return [line for line in self.served.log() if "rule" in line][-1]


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def running(
    mode: str, tmp_path_factory: pytest.TempPathFactory, authority: Authority, lab: Laboratory
) -> Iterator[Listener]:
    routes = {DEMO_TARGET: lab.place("demo"), MAPPER_TARGET: lab.place("mapper")}
    known = [argument for target, place in routes.items() for argument in ("--route", f"{target}={place}")]
    account = Account(*lab.account)  # the server behind asks Samba's client for the same one
    with serving(
        tmp_path_factory.mktemp(mode),
        "proxy",
        *("--listen", "127.0.0.1:0", "--public-name", "localhost"),
        *("--tls-cert", authority.certificate, "--tls-key", authority.key),
        *("--user", f"{account.domain}\\{account.user}:{account.password}", "--extended-protection", mode),
        *("--valid-ports", ";".join(routes), *known),
    ) as served:
        yield Listener(served, authority.ca, account)


@pytest.fixture
def refused_by(running: Listener) -> Callable[[], list[str]]:
    """The rules that refused something during this test."""
    before = len(running.refusals())
    return lambda: running.refusals()[before:]


# curl


def curl(running: Listener, scheme: str, password: str = "") -> str:
    """The status that an echo by this scheme ends with."""
    url = f"https://localhost:{running.served.port}{ECHO}"
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10"]
    who = [
        "--cacert",
        str(running.ca),
        scheme,
        "-u",
        f"{running.user}:{password or running.account.password}",
    ]
    return run_once([*command, *who, "-X", "RPC_IN_DATA", url])


def test_curl_authenticates_by_basic(running: Listener, refused_by: Callable[[], list[str]]) -> None:
    assert curl(running, "--basic") == "200"
    assert refused_by() == []


def test_curl_with_ntlm_knows_no_binding(
    running: Listener, mode: str, refused_by: Callable[[], list[str]]
) -> None:
    refused = mode == REQUIRE
    assert curl(running, "--ntlm") == ("401" if refused else "200")
    assert refused_by() == (["NoChannelBinding"] if refused else [])


@pytest.mark.parametrize("scheme", ["--basic", "--ntlm"])
def test_a_wrong_password_is_refused(
    running: Listener, refused_by: Callable[[], list[str]], scheme: str
) -> None:
    assert curl(running, scheme, "wrong") == "401"
    assert refused_by() == ["WrongCredentials"]


def test_curl_with_negotiate_needs_a_ticket(running: Listener, refused_by: Callable[[], list[str]]) -> None:
    """Its GSS-API has no NTLM: without a KDC it has no token to send, and reads the first 401."""
    assert curl(running, "--negotiate") == "401"
    assert refused_by() == []


# pyspnego


@pytest.mark.parametrize("binds", [True, False], ids=["bound", "unbound"])
@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_pyspnego_is_asked_for_its_binding_under_require(
    running: Listener, mode: str, refused_by: Callable[[], list[str]], scheme: str, binds: bool
) -> None:
    refused = mode == REQUIRE and not binds
    with HttpsPeer(running.served.port, running.ca) as peer:
        binding = ChannelBinding.of_certificate(peer.certificate)
        assert binding is not None
        gss = GssChannelBindings(application_data=binding.application_data) if binds else None
        negotiate = scheme == "Negotiate"
        context = spnego.client(
            running.user,
            running.account.password,
            hostname="localhost",
            service="HTTP",
            protocol="negotiate" if negotiate else "ntlm",
            options=spnego.NegotiateOptions.use_negotiate if negotiate else spnego.NegotiateOptions.use_ntlm,
            channel_bindings=gss,
        )
        assert peer.prove(scheme, context.step) == (401 if refused else 200)
        if not refused:
            assert peer.ask()[0] == 200  # the connection is authenticated
    assert refused_by() == (["NoChannelBinding"] if refused else [])


# RPC clients, to the end: a call


def test_samba_calls_by_ntlm_where_no_binding_is_required(
    tmp_path: Path, running: Listener, mode: str, refused_by: Callable[[], list[str]]
) -> None:
    account = running.account
    client = SambaClient(tmp_path, account.user, account.password, ca=running.ca)
    binding = http_binding("server", 593, proxy=running.served.address, tls=True, authentication="ntlm")
    [answer] = client.calls(binding, ("lookup", 10))
    if mode == REQUIRE:
        assert "error" in answer
        assert set(refused_by()) == {"NoChannelBinding"}
    else:
        assert "rpch demo" in answer["value"]
        assert refused_by() == []


def added(running: Listener, scheme: str, password: str = "") -> int:
    """What impacket's client is told to be 40 and 2."""
    url, account = f"https://localhost:{running.served.port}", running.account
    with over_http(
        url, "server", 6001, user=account.user, password=password or account.password, scheme=scheme
    ) as association:
        association.bind(uuidtup_to_bin(DEMO))
        association.call(ADD, struct.pack("<ii", 40, 2))
        return int(struct.unpack("<i", association.recv())[0])


@pytest.mark.parametrize("scheme", [AUTH_BASIC, AUTH_NTLM])
def test_impacket_calls_by_ntlm_where_no_binding_is_required(
    running: Listener, mode: str, refused_by: Callable[[], list[str]], scheme: str
) -> None:
    """It sends neither a MIC nor a binding, and wants `cifs` wherever it goes."""
    if mode == REQUIRE and scheme == AUTH_NTLM:
        with pytest.raises(RPCProxyClientException, match="401"):
            added(running, scheme)
        assert set(refused_by()) == {"NoChannelBinding"}
        assert "extended-protection" in running.last_refusal["detail"]
    else:
        assert added(running, scheme) == 42
        assert refused_by() == []


def test_impacket_with_a_wrong_password_is_refused_by_ntlm(
    running: Listener, refused_by: Callable[[], list[str]]
) -> None:
    with pytest.raises(RPCProxyClientException, match="401"):
        added(running, AUTH_NTLM, "wrong")
    assert set(refused_by()) == {"WrongCredentials"}


@pytest.mark.parametrize("seen", ["ours", "another"])
def test_impacket_calls_by_ntlm_bound_to_our_certificate_in_every_mode(
    running: Listener,
    mode: str,
    refused_by: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    seen: str,
) -> None:
    """Its client over HTTP hands no binding to its NTLM, which knows bindings well: so the test does."""
    with HttpsPeer(running.served.port, running.ca) as peer:
        binding = ChannelBinding.of_certificate(peer.certificate)
    assert binding is not None
    digest = binding.digest if seen == "ours" else binding.digest[::-1]
    answer = partial(ntlm.getNTLMSSPType3, channel_binding_value=digest)
    monkeypatch.setattr(ntlm, "getNTLMSSPType3", answer)
    if seen == "ours" or mode == NONE:
        assert added(running, AUTH_NTLM) == 42
        assert refused_by() == []
    else:
        with pytest.raises(RPCProxyClientException, match="401"):
            added(running, AUTH_NTLM)
        assert set(refused_by()) == {"ChannelBinding"}


def test_impacket_calls_by_ntlm_through_the_whole_system(tmp_path: Path) -> None:
    with laboratory(tmp_path, "--extended-protection", ALLOW) as open_lab:
        domain, user, password = open_lab.account
        with over_http(
            open_lab.url, "localhost", 593, user=user, password=password, domain=domain, scheme=AUTH_NTLM
        ) as association:
            assert len(hept_lookup("localhost", dce=association)) > 1
        authenticated = [line for line in open_lab.served.log() if line["event"] == "authenticated"]
    assert {(line["user"], line["scheme"]) for line in authenticated} == {(rf"{domain}\{user}", "NTLM")}

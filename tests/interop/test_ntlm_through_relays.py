"""NTLM through HAProxy: one that keeps clients apart, and one that shares its connections among them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from impacket.http import AUTH_NTLM
from impacket.uuid import uuidtup_to_bin

from tests.interop.impacket_client import over_http
from tests.interop.laboratory import ADD, DEMO, Laboratory
from tests.interop.processes import run_once
from tests.interop.relays import ALICE, Authority
from tests.interop.reverse_proxies import haproxy
from tests.interop.rpch_commands import Served, serving
from tests.ntlm_over_http import ECHO

USER = f"{ALICE.domain}\\{ALICE.user}"
SHARING = {"http-reuse never": "http-reuse always"}


@contextmanager
def relayed(folder: Path, lab: Laboratory, *options: str) -> Iterator[Served]:
    """A proxy that takes NTLM without TLS of its own."""
    with serving(
        folder,
        "proxy",
        *("--listen", "127.0.0.1:0", "--no-tls", "--auth", "NTLM", "--auth", "Basic"),
        *("--extended-protection", "allow", "--public-name", "localhost"),
        *("--user", f"{USER}:{ALICE.password}"),
        *("--valid-ports", "server:6001", "--route", f"server:6001={lab.place('demo')}", *options),
    ) as proxy:
        yield proxy


def echoes(port: int, ca: Path, source: str, *options: str) -> str:
    """The status of an echo that curl asks for from this address of loopback."""
    url = f"https://localhost:{port}{ECHO}"
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", "--cacert", str(ca)]
    return run_once([*command, "--interface", source, *options, "-X", "RPC_IN_DATA", url])


def by_ntlm() -> tuple[str, ...]:
    return ("--ntlm", "-u", f"{USER}:{ALICE.password}")


def test_impacket_calls_by_ntlm_through_a_relay_that_keeps_clients_apart(
    tmp_path: Path, authority: Authority, lab: Laboratory
) -> None:
    with (
        relayed(tmp_path, lab, "--connection-affinity") as proxy,
        haproxy(tmp_path, authority.leaf, [proxy.port]) as port,
        over_http(
            f"https://localhost:{port}",
            "server",
            6001,
            user=ALICE.user,
            password=ALICE.password,
            domain=ALICE.domain,
            scheme=AUTH_NTLM,
        ) as association,
    ):
        association.bind(uuidtup_to_bin(DEMO))
        association.call(ADD, struct.pack("<ii", 40, 2))
        assert struct.unpack("<i", association.recv()) == (42,)


def test_ntlm_is_not_offered_through_a_relay_of_which_nothing_is_said(
    tmp_path: Path, authority: Authority, lab: Laboratory
) -> None:
    with relayed(tmp_path, lab) as proxy, haproxy(tmp_path, authority.leaf, [proxy.port]) as port:
        assert echoes(port, authority.ca, "127.0.0.2", *by_ntlm()) == "401"
        assert not [line for line in proxy.log() if line["event"] == "authenticated"]


@pytest.mark.parametrize("second", ["127.0.0.2", "127.0.0.3"])
def test_what_ntlm_has_proven_is_for_nobody_else_where_the_relay_shares_connections(
    tmp_path: Path, authority: Authority, lab: Laboratory, second: str
) -> None:
    """Observed: HAProxy 2.6 keeps a connection to one client from the first NTLM on, whatever it was told."""
    with (
        relayed(tmp_path, lab, "--connection-affinity") as proxy,
        haproxy(tmp_path, authority.leaf, [proxy.port], changes=SHARING) as port,
    ):
        assert echoes(port, authority.ca, "127.0.0.2", *by_ntlm()) == "200"
        assert echoes(port, authority.ca, second) == "401"

"""Other people's clients reach other people's servers through our proxy and our bridge."""

import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from impacket.dcerpc.v5 import epm, mgmt, rrp
from impacket.uuid import uuidtup_to_bin

from tests.interop.captures import capturing
from tests.interop.impacket_client import PACKETS_SEALED, PACKETS_SIGNED, over_http
from tests.interop.impacket_server import ECHO
from tests.interop.relays import ALICE, Authority, Proxied, reached_over_http
from tests.interop.samba_client import SambaClient
from tests.interop.samba_server import SambaServer

VERSION_KEY = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tls"])
def mapper(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    samba_server: SambaServer,
) -> Iterator[Proxied]:
    """Samba's endpoint mapper."""
    folder = tmp_path_factory.mktemp("mapper")
    with reached_over_http(folder, authority, samba_server.mapper, tls=request.param) as reached:
        yield reached


@pytest.fixture(scope="module", params=[1, 2], ids=["one-worker", "two-workers"])
def registry(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    samba_server: SambaServer,
) -> Iterator[Proxied]:
    """Samba's registry, over TLS."""
    folder = tmp_path_factory.mktemp("registry")
    with reached_over_http(folder, authority, samba_server.registry(), workers=request.param) as reached:
        yield reached


def association_with(target: Proxied, **more: Any) -> AbstractContextManager[Any]:
    """impacket's association with a target, as Alice."""
    return over_http(target.url, target.server, target.port, user=ALICE.user, password=ALICE.password, **more)


def test_impacket_asks_samba_s_mapper(mapper: Proxied, samba_server: SambaServer) -> None:
    with association_with(mapper) as association:
        found = epm.hept_map(
            samba_server.address, rrp.MSRPC_UUID_RRP, protocol="ncacn_ip_tcp", dce=association
        )
        assert found.startswith(f"ncacn_ip_tcp:{samba_server.address}[")
    with association_with(mapper) as association:
        association.bind(mgmt.MSRPC_UUID_MGMT)
        assert len(mgmt.hinq_if_ids(association)["if_id_vector"]["if_id"]) >= 2


@pytest.mark.parametrize("options", ["sign", "seal", "spnego,seal"])
def test_samba_s_client_asks_samba_s_mapper_in_protected_calls(
    mapper: Proxied, tmp_path: Path, options: str
) -> None:
    client = SambaClient(tmp_path, ALICE.user, ALICE.password, ca=mapper.ca)
    annotations, listening = client.calls(
        mapper.samba_binding(options), ("lookup", 10), ("is_server_listening",)
    )
    assert "winreg" in annotations["value"]
    assert listening == {"value": True}


@pytest.mark.parametrize("level", [PACKETS_SIGNED, PACKETS_SEALED])
def test_impacket_reads_samba_s_registry_in_protected_calls(registry: Proxied, level: int) -> None:
    with association_with(registry, level=level) as association:
        association.bind(rrp.MSRPC_UUID_RRP)
        root = rrp.hOpenLocalMachine(association)["phKey"]
        key = rrp.hBaseRegOpenKey(association, root, VERSION_KEY)["phkResult"]
        for _ in range(100):
            assert rrp.hBaseRegQueryValue(association, key, "SystemRoot")[1] == "c:\\Windows\0"


def test_samba_s_client_reads_samba_s_registry_in_sealed_calls(registry: Proxied, tmp_path: Path) -> None:
    client = SambaClient(tmp_path, ALICE.user, ALICE.password, ca=registry.ca)
    calls = [("registry_value", VERSION_KEY, "SystemRoot")] * 20
    assert client.calls(registry.samba_binding("seal"), *calls) == [{"value": "c:\\Windows"}] * 20


def test_impacket_calls_impacket(tmp_path: Path, authority: Authority, impacket_server: int) -> None:
    with (
        reached_over_http(tmp_path, authority, f"127.0.0.1:{impacket_server}") as reached,
        association_with(reached) as association,
    ):
        association.bind(uuidtup_to_bin(ECHO))
        for number in range(1000):
            association.call(0, struct.pack("<I", number))
            assert association.recv() == struct.pack("<I", number + 1)


def test_tshark_decodes_both_legs_to_the_bridge(
    tmp_path: Path, authority: Authority, impacket_server: int
) -> None:
    with reached_over_http(tmp_path, authority, f"127.0.0.1:{impacket_server}") as reached:
        (tmp_path / "capture").mkdir()
        with (
            capturing(tmp_path / "capture", reached.bridge.port) as capture,
            association_with(reached) as association,
        ):
            association.bind(uuidtup_to_bin(ECHO))
            association.call(0, struct.pack("<I", 41))
            association.recv()
    assert capture.flaws() == []
    shown = {packet.info.split(",")[0] for packet in capture.packets()}
    assert {"CONN/A2", "CONN/B2", "CONN/C1"} <= shown

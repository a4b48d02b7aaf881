"""Samba's RPC server without anything of ours in between, so that a failure elsewhere is ours."""

from pathlib import Path

import pytest
from impacket.dcerpc.v5 import mgmt, rrp
from impacket.uuid import uuidtup_to_bin

from tests.interop.captures import capturing
from tests.interop.impacket_client import PACKETS_SEALED, PACKETS_SIGNED, over_tcp
from tests.interop.samba_client import SambaClient
from tests.interop.samba_server import MAPPER_PORT, SambaServer

VERSION_KEY = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
MAPPER = uuidtup_to_bin(("e1af8308-5d1f-11c9-91a4-08002b14a0fa", "3.0"))


def test_impacket_finds_the_registry_through_the_mapper(samba_server: SambaServer) -> None:
    host, _, port = samba_server.registry().rpartition(":")
    assert host == samba_server.address
    assert 49152 <= int(port) <= 49252


def test_impacket_asks_the_mapper_which_interfaces_it_offers(samba_server: SambaServer) -> None:
    with over_tcp(samba_server.address, MAPPER_PORT) as association:
        association.bind(mgmt.MSRPC_UUID_MGMT)
        answer = mgmt.hinq_if_ids(association)
    offered = [entry["Data"]["Uuid"] for entry in answer["if_id_vector"]["if_id"]]
    assert MAPPER[:16] in offered


@pytest.mark.parametrize("level", [PACKETS_SIGNED, PACKETS_SEALED])
def test_impacket_reads_the_registry_in_protected_calls(samba_server: SambaServer, level: int) -> None:
    port = int(samba_server.registry().rpartition(":")[2])
    user, password = samba_server.user, samba_server.password
    with over_tcp(samba_server.address, port, user=user, password=password, level=level) as association:
        association.bind(rrp.MSRPC_UUID_RRP)
        root = rrp.hOpenLocalMachine(association)["phKey"]
        key = rrp.hBaseRegOpenKey(association, root, VERSION_KEY)["phkResult"]
        assert rrp.hBaseRegQueryValue(association, key, "SystemRoot")[1] == "c:\\Windows\0"


@pytest.mark.parametrize("options", ["sign", "seal", "spnego,seal"])
def test_samba_s_client_makes_protected_calls(
    samba_server: SambaServer, tmp_path: Path, options: str
) -> None:
    client = SambaClient(tmp_path, samba_server.user, samba_server.password)
    [annotations] = client.calls(
        f"ncacn_ip_tcp:{samba_server.address}[{MAPPER_PORT},{options}]", ("lookup", 10)
    )
    [value] = client.calls(
        f"ncacn_ip_tcp:{samba_server.address}[{options}]", ("registry_value", VERSION_KEY, "SystemRoot")
    )
    assert "winreg" in annotations["value"]
    assert value == {"value": "c:\\Windows"}


def test_samba_s_client_is_refused_with_a_wrong_password(samba_server: SambaServer, tmp_path: Path) -> None:
    client = SambaClient(tmp_path, samba_server.user, "wrong")
    [refused] = client.calls(f"ncacn_ip_tcp:{samba_server.address}[{MAPPER_PORT},seal]", ("interfaces",))
    assert "error" in refused


def test_tshark_decodes_a_capture_of_the_calls(samba_server: SambaServer, tmp_path: Path) -> None:
    with capturing(tmp_path, MAPPER_PORT, host=samba_server.address) as capture:
        samba_server.registry()
    shown = [packet.info for packet in capture.packets()]
    assert capture.flaws() == []
    assert any(info.startswith("Bind: ") for info in shown)
    assert any(info.startswith("Map response") for info in shown)

"""impacket against `rpch up`: what its rpcdump and rpcmap do, many calls, and answers beyond any window."""

import struct
from contextlib import AbstractContextManager
from typing import Any

import pytest
from impacket.dcerpc.v5 import epm, mgmt
from impacket.dcerpc.v5.rpch import RPCProxyClientException
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import bin_to_string, uuidtup_to_bin

from tests.interop.impacket_client import over_http, over_tcp
from tests.interop.laboratory import ADD, DEMO, SOURCE, Laboratory

MAPPER_PORT, DEMO_PORT = 593, 6001
MEBIBYTE = 1 << 20


def through_the_proxy(lab: Laboratory, port: int, **different: str) -> AbstractContextManager[Any]:
    """An association with one of the laboratory's ports over TLS and Basic."""
    domain, user, password = lab.account
    return over_http(
        lab.url,
        different.get("server", "localhost"),
        port,
        user=user,
        password=different.get("password", password),
        domain=domain,
    )


def add(association: Any, left: int, right: int) -> int:
    """One small call of the demo interface."""
    association.call(ADD, struct.pack("<ii", left, right))
    (total,) = struct.unpack("<i", association.recv())
    return int(total)


def test_the_mapper_lists_the_demo_interface(lab: Laboratory) -> None:
    with through_the_proxy(lab, MAPPER_PORT) as association:
        entries = epm.hept_lookup(None, dce=association)
    found = {
        (bin_to_string(floors[0]["InterfaceUUID"]).lower(), epm.PrintStringBinding(floors))
        for floors in (entry["tower"]["Floors"] for entry in entries)
    }
    port = lab.served.ready["ports"]["demo"]
    assert (DEMO[0], f"ncacn_http:127.0.0.1[{port}]") in found


def test_the_mapper_maps_the_demo_interface_and_the_port_can_be_called(lab: Laboratory) -> None:
    with through_the_proxy(lab, MAPPER_PORT) as association:
        mapped = epm.hept_map("localhost", uuidtup_to_bin(DEMO), protocol="ncacn_http", dce=association)
    assert mapped == f"ncacn_http:localhost[{lab.served.ready['ports']['demo']}]"
    with through_the_proxy(lab, int(mapped.partition("[")[2].rstrip("]"))) as association:
        association.bind(uuidtup_to_bin(DEMO))
        assert add(association, 40, 2) == 42


def test_the_management_interface_answers_and_refuses_to_stop(lab: Laboratory) -> None:
    with through_the_proxy(lab, DEMO_PORT) as association:
        association.bind(mgmt.MSRPC_UUID_MGMT)
        vector = mgmt.hinq_if_ids(association)["if_id_vector"]
        offered = [bin_to_string(entry["Data"]["Uuid"]).lower() for entry in vector["if_id"]]
        assert DEMO[0] in offered
        assert mgmt.his_server_listening(association)["status"] == 0
        assert mgmt.hinq_stats(association)["count"] >= 4
        with pytest.raises(DCERPCException):
            mgmt.hstop_server_listening(association)
        assert mgmt.his_server_listening(association)["status"] == 0


def test_a_thousand_calls_and_megabytes_pass_in_one_virtual_connection(lab: Laboratory) -> None:
    with through_the_proxy(lab, DEMO_PORT) as association:
        association.bind(uuidtup_to_bin(DEMO))
        assert [add(association, number, 1) for number in range(1000)] == list(range(1, 1001))
        for size in (MEBIBYTE + 1, 3 * MEBIBYTE):
            association.call(SOURCE, struct.pack("<I", size))
            answer = association.recv()
            assert struct.unpack_from("<II", answer) == (size, size)
            assert answer[8 : 8 + size] == (bytes(range(256)) * (size // 256 + 1))[:size]
        assert add(association, 1, 1) == 2


def test_the_same_calls_pass_over_tcp(lab: Laboratory) -> None:
    host, _, port = lab.place("demo_tcp").rpartition(":")
    with over_tcp(host, int(port)) as association:
        association.bind(uuidtup_to_bin(DEMO))
        assert add(association, 40, 2) == 42


def test_a_wrong_password_is_refused(lab: Laboratory) -> None:
    with (
        pytest.raises(RPCProxyClientException, match="401"),
        through_the_proxy(lab, DEMO_PORT, password="wrong"),
    ):
        pass


def test_a_target_that_no_rule_allows_is_refused(lab: Laboratory) -> None:
    with pytest.raises(RPCProxyClientException), through_the_proxy(lab, DEMO_PORT, server="elsewhere"):
        pass

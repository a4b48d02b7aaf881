"""impacket's RPC server without anything of ours in between, so that a failure elsewhere is ours."""

import struct
from pathlib import Path

from impacket.uuid import uuidtup_to_bin

from tests.interop.impacket_client import over_tcp
from tests.interop.impacket_server import ECHO, LARGEST
from tests.interop.samba_client import SambaClient


def test_impacket_calls_its_own_kind(impacket_server: int) -> None:
    with over_tcp("127.0.0.1", impacket_server) as association:
        association.bind(uuidtup_to_bin(ECHO))
        association.call(0, struct.pack("<I", 41))
        assert association.recv() == struct.pack("<I", 42)


def test_samba_s_client_calls_it_without_authentication(impacket_server: int, tmp_path: Path) -> None:
    added, echoed = SambaClient(tmp_path).calls(
        f"ncacn_ip_tcp:127.0.0.1[{impacket_server}]", ("add_one", 41), ("echo_data", LARGEST)
    )
    assert added == {"value": 42}
    assert echoed == {"value": True}

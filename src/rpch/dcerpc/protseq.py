"""Protocol sequences: the names of the ways to a server.  C706 3.1, MS-RPCE 2.1"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class ProtocolSequence(StrEnum):
    """The ways there that are spoken here.  MS-RPCE 2.1, MS-RPCH 2.1"""

    NCACN_IP_TCP = "ncacn_ip_tcp"
    NCACN_HTTP = "ncacn_http"

    @property
    def mapper_port(self) -> int:
        """Where this protocol's endpoint mapper listens.  MS-RPCE 2.1.1.1, MS-RPCH 1.9"""
        return 593 if self is ProtocolSequence.NCACN_HTTP else 135

    @property
    def tower_protocol(self) -> int:
        """What names it in floor 4 of a tower.  C706 I, MS-RPCH 2.1"""
        return 0x1F if self is ProtocolSequence.NCACN_HTTP else 0x07


# Real protocol sequences that nothing here speaks. MS-RPCE 2.1
FOREIGN_SEQUENCES: Final = frozenset(
    {
        "ncacn_at_dsp",
        "ncacn_dnet_nsp",
        "ncacn_hvsocket",
        "ncacn_mq",
        "ncacn_nb_ipx",
        "ncacn_nb_nb",
        "ncacn_nb_tcp",
        "ncacn_np",
        "ncacn_spx",
        "ncacn_unix_stream",
        "ncacn_vns_spp",
        "ncadg_ip_udp",
        "ncadg_ipx",
        "ncadg_mq",
        "ncalrpc",
    }
)

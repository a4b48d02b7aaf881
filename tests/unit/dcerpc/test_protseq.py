"""Protocol sequences and their numbers."""

from rpch.dcerpc.protseq import FOREIGN_SEQUENCES, ProtocolSequence


def test_each_sequence_knows_its_mapper_and_its_tower_floor() -> None:
    tcp, http = ProtocolSequence("ncacn_ip_tcp"), ProtocolSequence("ncacn_http")
    assert (tcp.mapper_port, tcp.tower_protocol) == (135, 0x07)
    assert (http.mapper_port, http.tower_protocol) == (593, 0x1F)


def test_what_is_spoken_here_is_not_foreign() -> None:
    assert FOREIGN_SEQUENCES.isdisjoint(ProtocolSequence)
    assert {"ncacn_np", "ncalrpc", "ncadg_ip_udp"} <= FOREIGN_SEQUENCES

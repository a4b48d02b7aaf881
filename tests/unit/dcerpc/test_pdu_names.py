"""Types have the names the specifications give them."""

from rpch.dcerpc.pdu_names import pdu_name
from rpch.dcerpc.pdus_header import PduType


def test_every_known_type_has_a_name() -> None:
    for kind in PduType:
        assert not pdu_name(kind).startswith("PTYPE")
    assert pdu_name(PduType.AUTH3) == "rpc_auth_3"
    assert pdu_name(PduType.CANCEL) == "co_cancel"
    assert pdu_name(PduType.RTS) == "RTS"


def test_another_type_shows_its_number() -> None:
    assert pdu_name(PduType(99)) == "PTYPE 99"

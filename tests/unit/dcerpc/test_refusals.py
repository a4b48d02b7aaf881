from __future__ import annotations

from rpch.dcerpc.pdus import RejectReason
from rpch.dcerpc.refusals import BindRefused, Refused
from rpch.dcerpc.statuses import Status
from rpch.errors import RemoteProtocolError


def test_refusals_say_what_was_answered_and_why() -> None:
    fault = Refused(Status.PROTO_ERROR, "a request too many", context_id=7, call_id=3)
    assert str(fault) == "answered fault PROTO_ERROR (0x1c01000b): a request too many"
    assert (fault.disconnect, fault.did_not_execute) == (True, False)
    nak = BindRefused(RejectReason.NOT_SPECIFIED, "a second bind")
    assert str(nak) == "refused a bind (NOT_SPECIFIED): a second bind"
    assert isinstance(fault, RemoteProtocolError)
    assert isinstance(nak, RemoteProtocolError)

"""What it means that a channel cannot be replaced."""

from __future__ import annotations

import pytest

from rpch.client.carriers import NotRenewed
from rpch.errors import AuthenticationFailed, ProxyError, RpchError, TransportError
from rpch.probe.explanations import explain
from rpch.probe.situation import Situation

WHERE = Situation("proxy", "proxy:443", "server:6001", "proxy:443")


@pytest.mark.parametrize(
    ("error", "cause", "cure"),
    [
        (AuthenticationFailed("401"), "not for a successor", "same accounts"),
        (ProxyError(503, "RPC Error: 6bb", rpc_status=0x6BB), "takes no successor now", "draining"),
        (ProxyError(503, "RPC Error: 5", rpc_status=5), "refuses a successor", "same user"),
        (ProxyError(503, "RPC Error: 6ba", rpc_status=0x6BA), "refuses a successor", "same targets"),
        (ProxyError(400, "Bad Request"), "refuses a successor", "log"),
        (NotRenewed(seconds=2.0, state="OPENED_A4W/OPENED"), "not answered", "buffering"),
        (TransportError("IN-H was closed"), "ended when the IN channel", "does not know recycling"),
    ],
)
def test_each_way_to_fail_has_a_cause_and_a_cure(error: RpchError, cause: str, cure: str) -> None:
    found = explain("recycle_in", error, WHERE)
    assert cause in found.cause
    assert cure in found.cure + found.cause
    assert "1 GiB" in found.cure


def test_the_other_channel_is_called_by_its_name() -> None:
    assert "the OUT channel" in explain("recycle_out", TransportError("closed"), WHERE).cause

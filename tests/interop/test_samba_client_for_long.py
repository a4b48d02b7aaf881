"""Samba's client in one virtual connection for longer than its windows last: it never acknowledges."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.laboratory import ADD, DEMO, SOURCE, Laboratory, laboratory
from tests.interop.samba_client import SambaClient, http_binding

ANSWER = 100_000
TIMES = 160  # 15 MiB: sixty of its windows


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    with laboratory(tmp_path) as running:
        yield running


def call(folder: Path, lab: Laboratory, opnum: int, stub: str, times: int) -> dict[str, Any]:
    """The same call to the demo interface so often, in one virtual connection."""
    domain, user, password = lab.account
    client = SambaClient(folder, user, password, domain, ca=lab.ca)
    binding = http_binding("localhost", 6001, proxy=lab.served.address, tls=True, options="spnego,sign")
    [answer] = client.calls(binding, ("raw_sizes", DEMO[0], opnum, stub, times))
    return answer


def test_it_gets_sixty_times_what_its_window_holds(tmp_path: Path, lab: Laboratory) -> None:
    assert call(tmp_path, lab, SOURCE, ANSWER.to_bytes(4, "little").hex(), TIMES) == {
        "value": [ANSWER + 8] * TIMES
    }
    said = [line["event"] for line in lab.served.log()]
    assert said.count("client never acknowledges") == 1


def test_it_makes_more_calls_than_the_inbound_window_holds(tmp_path: Path, lab: Laboratory) -> None:
    """Every half window of calls an acknowledgement comes to it, which it does not expect."""
    assert call(tmp_path, lab, ADD, "01000000 02000000", 1000) == {"value": [4] * 1000}

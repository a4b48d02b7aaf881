"""The soak in small: some megabytes each way in one virtual connection, while its proxies come and go."""

from pathlib import Path

import pytest

from tools.soak.run import MEBIBYTE, soak

TOLERANCE = 8 * MEBIBYTE  # a short way says little about a trend; the long one has less


@pytest.mark.conformance(74, 95)
@pytest.mark.timeout(120)
async def test_hundreds_of_channels_carry_one_virtual_connection(tmp_path: Path) -> None:
    outcome = await soak(tmp_path, 40 * MEBIBYTE, drain_every=0.5)
    assert outcome.faults(TOLERANCE) == []
    assert outcome.drains >= 2
    assert outcome.recyclings.total() > 2 * 40 * 8

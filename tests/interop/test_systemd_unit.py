"""systemd understands our unit, and finds that it exposes little."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "docs" / "howto" / "rpch-proxy.service"
PAGE = UNIT.with_name("systemd.md")

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not on this machine"
)


def test_the_unit_has_no_mistake(tmp_path: Path) -> None:
    program = tmp_path / "rpch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/rpch/bin/rpch", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, UNIT.name in done.stderr) == (0, False), done.stderr


def test_it_exposes_as_little_as_the_page_says() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None
    assert f"counts that as {found[1]} of 10" in PAGE.read_text("utf-8")

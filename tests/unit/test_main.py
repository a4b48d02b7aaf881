"""`python -m rpch`."""

import runpy
import sys

import pytest


def test_it_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["rpch", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("rpch", run_name="__main__")
    assert ended.value.code == 0
    assert "Remote procedure calls over HTTP" in capsys.readouterr().out

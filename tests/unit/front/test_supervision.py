"""systemd is told what happens, if it asked for that, and nobody else is."""

import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rpch.front.supervision import VARIABLE, tell_supervisor


@pytest.mark.parametrize("abstract", [False, True])
def test_who_asked_is_told(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"@rpch-test-{tmp_path.name}-{tmp_path.parent.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{place[1:]}" if abstract else place)
        monkeypatch.setenv(VARIABLE, place)
        tell_supervisor("READY=1")
        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("place", [None, "", "vsock:2:1"])
def test_who_did_not_ask_is_not_told(place: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if place is not None:
        monkeypatch.setenv(VARIABLE, place)
    with capture_logs() as lines:
        tell_supervisor("READY=1")
    assert lines == []


def test_who_is_gone_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nobody"))
    with capture_logs() as lines:
        tell_supervisor("READY=1")
    assert [line["event"] for line in lines] == ["the supervisor does not listen"]

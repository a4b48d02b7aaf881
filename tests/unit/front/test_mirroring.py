"""A mirror in a process of its own."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rpch.front import mirroring as module
from rpch.front.mirroring import keep_running, mirroring


async def test_without_settings_there_is_none() -> None:
    async with mirroring(None, "x", json=True):
        assert len(asyncio.all_tasks()) == 1


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """What a process writes there is waited for."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def program(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(("import os, sys, time", *lines))]


async def test_it_is_started_again_when_it_ends(pipe: Path) -> None:
    command = program(f"open({str(pipe)!r}, 'w').write(os.environ['GIVEN'])")
    with capture_logs() as lines:
        task = asyncio.create_task(keep_running(command, {"GIVEN": "x"}, pause=0))
        async with asyncio.timeout(15):
            for _ in range(2):
                assert await asyncio.to_thread(pipe.read_text) == "x"
        task.cancel()
        await asyncio.wait([task])
    assert (lines[0]["event"], lines[0]["status"]) == ("mirror ended", 0)


@pytest.mark.parametrize("obeys", [True, False])
async def test_it_ends_with_us(
    *, obeys: bool, pipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENDS_WITHIN", 15 if obeys else 0.1)
    ended = tmp_path / "ended"
    wait = "sys.stdin.read()" if obeys else "time.sleep(600)"
    written = f"open({str(pipe)!r}, 'w').write(str(os.getpid()))"
    task = asyncio.create_task(keep_running(program(written, wait, f"open({str(ended)!r}, 'w')"), {}))
    async with asyncio.timeout(15):
        pid = int(await asyncio.to_thread(pipe.read_text))
    task.cancel()
    await asyncio.wait([task])
    assert ended.exists() == obeys
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_database_is_not_among_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []

    async def note(command: list[str], given: dict[str, str]) -> None:
        seen.append((command[1:], given))

    monkeypatch.setattr(module, "keep_running", note)
    async with mirroring(Path("a.toml"), "postgresql://u:canary@x/y", json=True):
        await asyncio.sleep(0)
    ((command, given),) = seen
    assert command == ["-m", "rpch", *module.SYNC, "--config", "a.toml", "--json"]
    assert given == {"RPCH_DATABASE": "postgresql://u:canary@x/y"}

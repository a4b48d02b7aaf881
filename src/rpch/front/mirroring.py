"""`rpch directory sync --watch` beside the services, for as long as they run.

It is a process of its own: what reads a hundred thousand entries, or waits for a server that is away, must
not keep those waiting who carry calls. It holds the other end of a pipe, and ends when that end is closed,
whatever becomes of us. Should it end by itself, it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger("rpch.front")

SYNC: Final = ("directory", "sync", "--watch", "--until-eof")
DATABASE: Final = "RPCH_DATABASE"  # not among the arguments, which everybody can read
PAUSE: Final = 5.0  # seconds before it is started again
ENDS_WITHIN: Final = 5.0


@asynccontextmanager
async def mirroring(config: Path | None, database: str, *, json: bool) -> AsyncIterator[None]:
    """Keep the directory of an LDAP server in a database meanwhile; None mirrors nothing."""
    if config is None:
        yield
        return
    command = [sys.executable, "-m", "rpch", *SYNC, "--config", str(config), *(["--json"] if json else [])]
    task = asyncio.create_task(keep_running(command, {DATABASE: database}))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def keep_running(command: Sequence[str], given: Mapping[str, str], *, pause: float = PAUSE) -> None:
    """Run a command that should not end, again and again, until this is cancelled."""
    while True:
        starting = asyncio.create_task(_start(command, given))
        try:
            process = await asyncio.shield(starting)
            status = await process.wait()
        except asyncio.CancelledError:
            await _end(await starting)
            raise
        log.error("mirror ended", status=status, restart_in=pause)
        await asyncio.sleep(pause)


async def _start(command: Sequence[str], given: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, **given},
        start_new_session=True,  # Ctrl-C is for us; it ends with the pipe
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it end by itself, and not too long."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), ENDS_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()

"""Programs run on uvloop where there is one."""

import asyncio
import sys

import pytest

from rpch.aio.event_loop import run


async def kind_of_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_a_program_runs_to_its_end_and_its_result_comes_back() -> None:
    expected = "asyncio.windows_events" if sys.platform == "win32" else "uvloop"
    assert run(kind_of_loop()) == expected


def test_an_error_of_the_program_comes_out_as_itself() -> None:
    async def fails() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError):
        run(fails())

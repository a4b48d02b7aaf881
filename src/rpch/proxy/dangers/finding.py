"""What is dangerous in a configuration: single settings, and pairs that only together are.

Each finding says what can happen and what to write instead. `rpch policy check` fails on them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers.bounds import bound_dangers, physical_memory
from rpch.proxy.dangers.danger import Danger
from rpch.proxy.dangers.entry import entry_dangers
from rpch.proxy.dangers.files import secret_dangers
from rpch.proxy.dangers.targets import target_dangers


def dangers(
    configuration: ProxyConfiguration,
    file: Path | None = None,
    *,
    on_command_line: Collection[str] = (),
    now: datetime | None = None,
) -> list[Danger]:
    """Everything that an administrator should not leave as it is.

    `file` is where the settings stand, and `on_command_line` names those that were given there instead.
    """
    found = [
        *entry_dangers(configuration, now or datetime.now(UTC)),
        *target_dangers(configuration),
        *secret_dangers(configuration, file),
        *bound_dangers(configuration, physical_memory()),
    ]
    if "user" in on_command_line:
        what = "everybody on this machine can read passwords in the arguments of a process"
        found.append(Danger(("user",), what, "write them into the file, or use a database"))
    return found

"""A running proxy goes by new settings, and keeps the old ones when the new ones are wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from rpch.errors import ConfigError
from rpch.proxy.accounts import ThrottleSettings
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.limits import Admission, ProxyLimits
from rpch.proxy.policy import Denied
from rpch.proxy.reload import Reloader, differences

OLD = ProxyConfiguration(no_tls=True, valid_ports="a:1", user=[r"LAB\alice:secret-one"])
NEW = ProxyConfiguration(
    no_tls=True, valid_ports="b:2", workers=3, user=[r"LAB\alice:secret-one", r"LAB\bob:secret-two"]
)


async def reloaded(read: ProxyConfiguration | Exception, file: Path) -> tuple[bool, list[dict[str, object]]]:
    """Whether `b:2` is allowed after a reload that reads this, and what was logged."""

    def reader() -> ProxyConfiguration:
        if isinstance(read, Exception):
            raise read
        return read

    async with asyncio.TaskGroup() as tasks:
        proxy = OLD.proxy(tasks, OLD.accounts())
        with capture_logs() as logs:
            Reloader(proxy, OLD, None, file, reader).reload()
        return proxy.policy.valid_ports.allows("b", 2) is not None, [dict(line) for line in logs]


@pytest.mark.conformance(91)
async def test_new_settings_are_followed_and_told(tmp_path: Path) -> None:
    allowed, logs = await reloaded(NEW, tmp_path / "proxy.toml")
    assert allowed
    told = {line["setting"]: line for line in logs if "setting" in line}
    assert told["valid-ports"]["after"] == "b:2"
    assert told["workers"]["event"] == "setting changed, but needs a restart"
    assert "secret" not in str(logs)
    assert told["user"]["after"] == "2 accounts"


@pytest.mark.parametrize(
    "wrong",
    [ConfigError("valid-ports", "is nonsense"), ProxyConfiguration(no_tls=True, valid_ports="b:99999")],
    ids=["unreadable", "invalid"],
)
async def test_wrong_settings_change_nothing(wrong: ProxyConfiguration | Exception, tmp_path: Path) -> None:
    allowed, logs = await reloaded(wrong, tmp_path / "proxy.toml")
    assert not allowed
    assert [line["event"] for line in logs] == ["reload refused, the old settings stay"]


async def test_wrong_guesses_stay_counted_and_accounts_open() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = OLD.proxy(tasks, OLD.accounts())
        accounts, throttle = proxy.authenticator.accounts, proxy.authenticator.throttle
        same = msgspec.structs.replace(OLD, valid_ports="b:2")
        with capture_logs():
            Reloader(proxy, OLD, None, Path("proxy.toml"), lambda: same).reload()
        assert (proxy.authenticator.accounts, proxy.authenticator.throttle) == (accounts, throttle)
        stricter = msgspec.structs.replace(OLD, throttle=ThrottleSettings(per_account=1))
        reloader = Reloader(proxy, OLD, None, Path("proxy.toml"), lambda: stricter)
        with capture_logs():
            reloader.reload()
        assert (proxy.authenticator.accounts, proxy.authenticator.throttle) == (accounts, throttle)
        assert throttle is not None
        assert throttle.limits.per_account == 1
        reloader._read = lambda: msgspec.structs.replace(OLD, throttle=ThrottleSettings(per_account=0))
        with capture_logs() as logs:
            reloader.reload()
        assert [line["event"] for line in logs] == ["reload refused, the old settings stay"]
        assert throttle.limits.per_account == 1
        with capture_logs():
            Reloader(proxy, OLD, None, Path("proxy.toml"), lambda: NEW).reload()
        assert proxy.authenticator.accounts is not accounts


async def test_new_limits_of_channels_hold_for_the_next_one() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = OLD.proxy(tasks, OLD.accounts())
        assert isinstance(proxy.ledger.admit("alice", "192.0.2.1"), Admission)
        one = msgspec.structs.replace(OLD, limits=ProxyLimits(max_channels=1))
        with capture_logs():
            Reloader(proxy, OLD, None, Path("proxy.toml"), lambda: one).reload()
        refused = proxy.ledger.admit("alice", "192.0.2.1")
        assert isinstance(refused, Denied)
        assert refused.rule == "MaxChannels"


async def test_what_overlays_the_file_holds_and_the_file_is_not_forgotten() -> None:
    async with asyncio.TaskGroup() as tasks:
        proxy = OLD.proxy(tasks, OLD.accounts())
        reloader = Reloader(proxy, OLD, None)
        reloader.overlay = lambda settings: msgspec.structs.replace(settings, valid_ports="c:3")
        with capture_logs():
            reloader.reload()
        assert proxy.policy.valid_ports.allows("c", 3)
        reloader.overlay = lambda settings: settings
        with capture_logs() as logs:
            reloader.reload("somebody")
        assert (logs[-1]["event"], logs[-1]["cause"]) == ("reloaded", "somebody")
        assert proxy.policy.valid_ports.allows("a", 1)


def test_a_database_is_told_without_its_password() -> None:
    new = msgspec.structs.replace(OLD, database="postgresql://mail:canary@db/rpch")
    assert differences(OLD, new) == [("database", None, "postgresql://mail:***@db/rpch")]


async def test_a_file_counts_as_changed_once_for_each_change(tmp_path: Path) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text("a")
    async with asyncio.TaskGroup() as tasks:
        reloader = Reloader(OLD.proxy(tasks, OLD.accounts()), OLD, None, file, lambda: OLD)
    assert not reloader.changed()
    file.write_text("another")
    assert reloader.changed()
    assert not reloader.changed()
    file.unlink()
    assert reloader.changed()


def test_equal_settings_differ_in_nothing() -> None:
    assert differences(OLD, OLD) == []

"""Bounds beyond reason are found, and the defaults are within."""

from __future__ import annotations

from typing import Any

import pytest

from rpch.proxy.accounts import ThrottleSettings
from rpch.proxy.dangers.bounds import _LEAST, _MOST, bound_dangers, physical_memory
from rpch.proxy.limits import HeadSettings, ProxyLimits
from rpch.proxy.rpc_limits import RpcLimits
from rpch.proxy.shown_settings import flattened
from tests.unit.proxy.safe_settings import safe

GIB = 1 << 30


def found(memory: int | None = 64 * GIB, **changes: Any) -> dict[str, str]:
    return {danger.settings[0]: danger.what for danger in bound_dangers(safe(**changes), memory)}


def test_the_defaults_are_sensible() -> None:
    assert found() == {}


def test_every_rule_is_about_a_setting_and_its_default_is_within() -> None:
    values = flattened(safe())
    for name, (most, _) in _MOST.items():
        assert values[name] <= most, name
    for name, (least, _) in _LEAST.items():
        assert values[name] >= least, name


@pytest.mark.parametrize("name", sorted(_MOST))
def test_each_bound_that_is_too_wide_is_found(name: str) -> None:
    above = int(_MOST[name][0]) + 1
    table, _, field = name.replace("-", "_").rpartition(".")
    kinds: dict[str, Any] = {"throttle": ThrottleSettings, "heads": HeadSettings, "rpc_limits": RpcLimits}
    changes = {table: kinds[table](**{field: above})} if table else {field: float(above)}
    assert set(found(**changes)) == {name}


def test_each_bound_that_is_too_narrow_is_found() -> None:
    assert set(found(throttle=ThrottleSettings(window=5, per_account=1))) == set(_LEAST)


@pytest.mark.parametrize("field", ProxyLimits.__struct_fields__)
def test_a_limit_that_was_switched_off_is_found(field: str) -> None:
    name = f"limits.{field.replace('_', '-')}"
    assert found(limits=ProxyLimits(**{field: 0})) == {
        name: "0 is no limit, so one client can take everything"
    }


def test_windows_must_fit_into_memory() -> None:
    what = "all windows together are 1250 MiB, and this machine has 1024"
    assert found(GIB) == {"limits.max-channels": what}
    assert found(2 * GIB) == found(None) == {}
    assert set(found(2 * GIB, workers=2)) == {"limits.max-channels"}


def test_this_machine_has_some_memory() -> None:
    memory = physical_memory()
    assert memory is None or memory > 1 << 20

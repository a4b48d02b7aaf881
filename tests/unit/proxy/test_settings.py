"""Every setting says what it is for, where it belongs, and its bounds hold wherever it is written."""

from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from rpch.proxy import settings as module
from rpch.proxy.settings import DeclaredSettings, section_of

SECTIONS = {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def metas(kind: type[msgspec.Struct]) -> dict[str, msgspec.Meta]:
    """What is said about each field."""
    hints = get_type_hints(kind, include_extras=True)
    found = {}
    for field in kind.__struct_fields__:
        said = [each for each in get_args(hints[field]) if isinstance(each, msgspec.Meta)]
        assert len(said) == 1, f"{kind.__name__}.{field} says nothing"
        found[field] = said[0]
    return found


def test_every_setting_has_a_sentence_and_a_section() -> None:
    for name, meta in metas(DeclaredSettings).items():
        assert meta.description, name
        assert meta.description.endswith("."), name
        assert section_of(meta) in SECTIONS, name


@pytest.mark.parametrize("table", ["throttle", "limits", "heads", "rpc_limits"])
def test_so_has_every_setting_of_a_table(table: str) -> None:
    kind = type(getattr(DeclaredSettings(), table))
    assert all(meta.description for meta in metas(kind).values())


def test_what_has_no_section_stands_with_the_bounds() -> None:
    assert section_of(msgspec.Meta()) == module.BOUNDS


@pytest.mark.parametrize(
    "absurd",
    [
        {"workers": 0},
        {"workers": 1000},
        {"receive-window": 1 << 30},
        {"channel-lifetime": 10},
        {"connection-timeout": 1},
        {"first-pdu-timeout": 0},
        {"setup-timeout": 1e9},
        {"grace": -1},
        {"limits": {"max-channels": -1}},
        {"heads": {"size": 1 << 30}},
        {"heads": {"timeout": 0}},
        {"rpc-limits": {"request": 0}},
        {"rpc-limits": {"fragment": 65_536}},
    ],
)
def test_absurd_values_are_refused(absurd: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=next(iter(absurd))):
        msgspec.convert(absurd, DeclaredSettings)

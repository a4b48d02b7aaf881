"""Settings as people may see them: one name and one value each, tables by dotted names, and no secrets."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from rpch.proxy.accounts import without_password

ACCOUNTS: Final = "user"
DATABASE: Final = "database"


def flattened(settings: msgspec.Struct, table: str = "") -> dict[str, Any]:
    """Every setting by its name in the file: `limits.max-channels`. A table that is not there is None."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(settings):
        name, value = f"{table}{field.encode_name}", getattr(settings, field.name)
        if isinstance(value, msgspec.Struct):
            found |= flattened(value, f"{name}.")
        else:
            found[name] = value
    return found


def shown_value(name: str, value: Any) -> Any:
    """A value for a log or a page: of accounts only how many there are, of a URL no password."""
    if name == ACCOUNTS:
        return f"{len(value or ())} accounts"
    if name == DATABASE and value:
        return without_password(value)
    if isinstance(value, list | tuple):
        return [shown_value("", each) for each in value]
    if isinstance(value, dict):
        return {key: shown_value("", each) for key, each in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)

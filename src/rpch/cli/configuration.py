"""Settings from a TOML file and from the command line, which always wins; and where each value is from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from rpch.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)

NESTED: Final = "__"  # `limits__max_channels` is the parameter for `max-channels` of the table `limits`
DEFAULT: Final = "default"
COMMAND_LINE: Final = "command line"
SettingPath = tuple[str, ...]

_TABLE: Final = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_KEY: Final = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_NAME: Final = re.compile(r'"([^"]*)"' + r"|'([^']*)'|([\w-]+)")


def configure(kind: type[T], file: Path | None, given: Mapping[str, Any]) -> T:
    """The settings of `kind`: those of the file, overlaid by those given (None means not given)."""
    text = _read(file) if file else ""
    settings = _parse(file, text)
    for path, value in _given_paths(given).items():
        table = settings
        for name in path[:-1]:
            table = _table(table.setdefault(name, {}), name)
        table[path[-1]] = value
    try:
        return msgspec.convert(settings, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise _explained(error, file, text) from error


def origin(path: SettingPath, file: Path | None, given: Mapping[str, Any]) -> str:
    """Where the effective value of a setting comes from."""
    if path in _given_paths(given):
        return COMMAND_LINE
    line = line_of(_read(file), path) if file else None
    return DEFAULT if line is None else f"{file}, line {line}"


def line_of(text: str, path: SettingPath) -> int | None:
    """Where in a TOML file a setting, or the table that holds it in one line, is written."""
    table: SettingPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = _names(header[1])
            if table == path:
                return number
        elif (key := _KEY.match(line)) and (full := table + _names(key[1])) == path[: len(full)]:
            return number
    return None


def _given_paths(given: Mapping[str, Any]) -> dict[SettingPath, Any]:
    return {
        tuple(part.replace("_", "-") for part in name.split(NESTED)): value
        for name, value in given.items()
        if value is not None
    }


def _table(found: Any, name: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ConfigError(name, "is a table; write its settings below a line with its name in brackets")
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--config", f"{file} cannot be read: {error}") from error


def _parse(file: Path | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(file), f"is no TOML: {error}") from error


def _path(kind: type[Any], value: Any) -> Any:
    if issubclass(kind, Path) and isinstance(value, str | Path):
        return kind(value)
    raise NotImplementedError(kind)


def _explained(error: msgspec.ValidationError, file: Path | None, text: str) -> ConfigError:
    """Name the key, and the line where it stands."""
    place = re.search(r"`\$\.?([\w.-]*)[^`]*`$", str(error))
    path = tuple(name for name in (place[1] if place else "").split(".") if name)
    if unknown := re.search(r"unknown field `([^`]+)`", str(error)):
        path += (unknown[1],)
    if not path:
        return ConfigError(str(file or COMMAND_LINE), str(error))
    line = line_of(text, path)
    key = ".".join(path)
    return ConfigError(f"{file}, line {line}, {key}" if line else key, str(error))


def _names(text: str) -> SettingPath:
    """The parts of a dotted name."""
    return tuple("".join(parts) for parts in _NAME.findall(text))

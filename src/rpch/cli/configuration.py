"""Settings from a TOML file and from the command line, which wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rpch.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)


def configure(kind: type[T], file: Path | None, given: Mapping[str, Any]) -> T:
    """The settings of `kind`: those of the file, overlaid by those given (None means not given)."""
    text = _read(file) if file else ""
    settings = _parse(file, text)
    for name, value in given.items():
        if value is not None:
            settings[name.replace("_", "-")] = value
    try:
        return msgspec.convert(settings, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise _explained(error, file, text) from error


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
    named = re.search(r"unknown field `([^`]+)`", str(error)) or re.search(r"\$\.([\w-]+)", str(error))
    if named is None:
        return ConfigError(str(file or "command line"), str(error))
    key = named[1]
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
            return ConfigError(f"{file}, line {number}, {key}", str(error))
    return ConfigError(key, str(error))

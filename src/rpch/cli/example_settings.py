"""The commented example of a settings file, made from the declarations of the settings.

What a proxy needs to serve at all is set there; everything else stands as a comment with its default.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from rpch.proxy.settings import section_of

WIDTH: Final = 110
SET: Final[Mapping[str, Any]] = {
    "listen": "0.0.0.0:443",
    "tls-cert": "/etc/rpch/server.pem",
    "tls-key": "/etc/rpch/server.key",
    "database": "sqlite:////var/lib/rpch/rpch.sqlite3",
    "valid-ports": "mail.corp.example:593;mail.corp.example:6001-6004",
}
# How values look that have no default.
_SAMPLES: Final[Mapping[str, Any]] = {
    "auth": ["Negotiate", "Basic"],
    "extended-protection": "require",
    "extended-protection-flags": ["AllowDotlessSPN"],
    "ssl-offloading": True,
    "keytab": "/etc/rpch/http.keytab",
    "key-file": "/etc/rpch/rpch.key",
    "tls-client-ca": "/etc/rpch/clients.pem",
    "kerberos-realms": {"CORP.EXAMPLE": "CORP"},
    "certificate-users": {"alice@corp.example": "CORP\\alice"},
    "user-targets": {"CORP\\alice": "mail.corp.example:6001"},
    "groups": {"sales": ["CORP\\bob", "CORP\\carol"]},
    "group-targets": {"sales": "mail.corp.example:6001-6004"},
    "ldap.url": "ldaps://ldap.corp.example",
    "ldap.base": "ou=people,dc=corp,dc=example",
    "ldap.ca-file": "/etc/rpch/ldap-ca.pem",
    "ldap.bind-password-file": "/etc/rpch/ldap-password",
    "winbind.domain": "CORP",
}
_HEAD: Final = """\
# The settings of an RPC proxy: `rpch proxy --config FILE`.
# Every setting is here. One with "#" right before it shows its default, or how it is written.
# `rpch policy check FILE` finds what is dangerous; `rpch policy show FILE` says what holds, and why.
# The file may hold passwords: chmod 600.
"""


def example_settings(kind: type[msgspec.Struct]) -> str:
    """The text of the file."""
    plain: dict[str, list[str]] = {}
    tables: list[str] = []
    for name, meta, default, struct in _settings(kind):
        if struct is not None:
            tables += _table(name, meta, struct)
        elif isinstance(default, dict):
            tables += ["", f"# {meta.description}", f"#[{name}]", *_pairs(_SAMPLES.get(name, default))]
        else:
            plain.setdefault(section_of(meta), []).extend(_lines(name, name, meta, default))
    parts = [_HEAD.rstrip("\n")]
    for section, lines in plain.items():
        parts += ["", "", f"# {section}", *lines]
    return "\n".join([*parts, "", *tables]) + "\n"


def _table(name: str, meta: msgspec.Meta, kind: type[msgspec.Struct]) -> Iterator[str]:
    yield from ("", f"# {meta.description}", f"#[{name}]")
    for field, told, default, _ in _settings(kind):
        yield from _lines(field, f"{name}.{field}", told, default)


def _lines(name: str, full: str, meta: msgspec.Meta, default: Any) -> Iterator[str]:
    yield from ("", f"# {meta.description}")
    if full in SET:
        yield f"{name} = {_toml(SET[full])}"
    else:
        value = _SAMPLES.get(full, "") if default is None or default is msgspec.NODEFAULT else default
        yield f"#{name} = {_toml(value)}"


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield f"#{json.dumps(key, ensure_ascii=False)} = {_toml(value)}"


def _settings(
    kind: type[msgspec.Struct],
) -> Iterator[tuple[str, msgspec.Meta, Any, type[msgspec.Struct] | None]]:
    """Each setting: name, what is said about it, default, and its own kind if it is a table."""
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        hint, meta = hints[field.name], msgspec.Meta()
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            meta = next(each for each in more if isinstance(each, msgspec.Meta))
        kinds = [each for each in get_args(hint) if each is not NoneType] or [hint]
        only = kinds[0] if get_origin(hint) in (Union, UnionType) or len(kinds) == 1 else hint
        struct = only if isinstance(only, type) and issubclass(only, msgspec.Struct) else None
        factory = field.default_factory
        default = factory() if factory is not msgspec.NODEFAULT else field.default
        yield field.encode_name, meta, default, struct


def _toml(value: Any) -> str:
    """A value as TOML writes it, whose strings are those of JSON."""
    if isinstance(value, Path):
        return json.dumps(str(value))
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)

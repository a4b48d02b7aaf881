"""LDIF, as directory servers write and read it.  RFC 2849

A file of contents, or of additions; other changes are refused, and so are values that lie in other files.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from rpch.directory.transfer.records import BadRecord

LARGEST_ENTRY: Final = 32 * 1024 * 1024  # characters of one entry
_WIDTH: Final = 76
_UNSAFE_START: Final = (" ", ":", "<")


@dataclass(frozen=True, slots=True)
class LdapEntry:
    """One entry of an LDAP directory: its DN, and all values of each attribute, octet by octet."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]
    where: str = ""


def read_ldif(source: TextIO) -> Iterator[LdapEntry | BadRecord]:
    """The entries of a file; what makes none comes as what is wrong with it."""
    for number, lines in _blocks(source):
        where = f"line {number}"
        try:
            entry = _entry(lines, where)
        except BadRecord as problem:
            yield problem
        else:
            if entry is not None:
                yield entry


def write_ldif(entries: Iterable[LdapEntry], target: TextIO) -> None:
    """A file of contents."""
    target.write("version: 1\n")
    for entry in entries:
        target.write("\n" + _line("dn", entry.dn.encode()))
        for name, values in entry.attributes.items():
            target.writelines(_line(name, value) for value in values)


def _blocks(source: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The lines of each entry, folded ones joined, without comments; and where it begins."""
    lines: list[str] = []
    begin, size, in_comment = 1, 0, False
    for number, raw in enumerate(source, 1):
        line = raw.rstrip("\r\n")
        size += len(line)
        if size > LARGEST_ENTRY:
            raise BadRecord(f"line {begin}", f"an entry of more than {LARGEST_ENTRY} characters")
        if not line:
            if lines:
                yield begin, lines
            lines, size, in_comment = [], 0, False
        elif line[0] == " ":
            if lines and not in_comment:
                lines[-1] += line[1:]
        elif in_comment := line[0] == "#":
            continue
        else:
            begin = number if not lines else begin
            lines.append(line)
    if lines:
        yield begin, lines


def _entry(lines: Sequence[str], where: str) -> LdapEntry | None:
    """One entry; None for lines that only tell the version."""
    dn: str | None = None
    attributes: dict[str, list[bytes]] = {}
    for line in lines:
        name, value = _value(line, where)
        match name.casefold():
            case "version" if dn is None:
                continue
            case "dn" if dn is None:
                dn = _text(value, where)
            case "changetype":
                if value.strip().lower() != b"add":
                    raise BadRecord(where, f"only additions can be imported, not {_text(value, where)!r}")
            case _ if dn is None:
                raise BadRecord(where, "an entry begins with its dn")
            case "control":
                continue
            case _:
                attributes.setdefault(name.partition(";")[0], []).append(value)
    return None if dn is None else LdapEntry(dn, attributes, where)


def _value(line: str, where: str) -> tuple[str, bytes]:
    name, colon, rest = line.partition(":")
    if not colon or not name.strip():
        raise BadRecord(where, f"{line[:40]!r} is no `name: value`")
    if rest.startswith("<"):
        raise BadRecord(where, f"{name}: values in other files are not read")
    if not rest.startswith(":"):
        return name.strip(), rest.lstrip(" ").encode()
    try:
        return name.strip(), base64.b64decode(rest[1:].strip(), validate=True)
    except ValueError as error:  # also of what is no ASCII
        raise BadRecord(where, f"{name} is no Base64: {error}") from None


def _text(value: bytes, where: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadRecord(where, "text that is not UTF-8") from None


def _line(name: str, value: bytes) -> str:
    """One value, folded; in Base64 where plain text would be read as something else."""
    text = value.decode("ascii") if value.isascii() else None
    plain = (
        text is not None
        and text.isprintable()
        and not text.startswith(_UNSAFE_START)
        and text == text.strip()
    )
    whole = f"{name}: {text}" if plain else f"{name}:: {base64.b64encode(value).decode('ascii')}"
    first, rest = whole[:_WIDTH], whole[_WIDTH:]
    folded = [rest[at : at + _WIDTH - 1] for at in range(0, len(rest), _WIDTH - 1)]
    return "\n ".join([first, *folded]) + "\n"

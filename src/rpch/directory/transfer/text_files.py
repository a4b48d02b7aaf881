"""Files of text as programs write them: in UTF-8, in UTF-16 with its mark, or as somebody says."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, TextIO

from rpch.directory.transfer.records import BadRecord
from rpch.errors import ConfigError

_PIECE: Final = 1 << 20
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextmanager
def text_of(source: BinaryIO, encoding: str | None) -> Iterator[TextIO]:
    """The text of a file, whose lines keep their ends.

    `BadRecord` before the first line where a file on disk is in another encoding, so that nothing of it is
    stored with wrong letters; of what can be read only once, when its turn comes.
    """
    chosen = codec_named(encoding) if encoding else None
    if source.seekable():
        if chosen is None:
            chosen = _marked(source)
        _check(source, chosen)
    text = io.TextIOWrapper(source, chosen or "utf-8-sig", newline="")
    try:
        yield text
    except UnicodeDecodeError as error:
        raise _wrong("text", chosen or "utf-8-sig") from error
    finally:
        text.detach()


def codec_named(encoding: str) -> str:
    """An encoding of text by any of its names; `ConfigError` where there is none."""
    try:
        found = codecs.lookup(encoding)
        "".encode(found.name)  # refuses those that make no text, such as base64
    except LookupError:
        raise ConfigError(
            "--encoding", f"{encoding!r} is unknown; known are utf-8, windows-1252, utf-16"
        ) from None
    return "utf-8-sig" if found.name == "utf-8" else found.name


def _marked(source: BinaryIO) -> str:
    """UTF-16 where the file begins with its mark."""
    begin = source.tell()
    start = source.read(len(codecs.BOM_UTF16_LE))
    source.seek(begin)
    return "utf-16" if start in _UTF_16 else "utf-8-sig"


def _check(source: BinaryIO, encoding: str) -> None:
    """Refuse a file that is not in this encoding, and come back to where it begins."""
    begin = source.tell()
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    while True:
        piece = source.read(_PIECE)
        try:
            lines += decoder.decode(piece, final=not piece).count("\n")
        except UnicodeDecodeError as error:
            good = bytes(error.object[: error.start]).decode(encoding, "replace")
            raise _wrong(f"line {lines + good.count(chr(10))}", encoding) from error
        if not piece:
            break
    source.seek(begin)


def _wrong(where: str, encoding: str) -> BadRecord:
    name = encoding.removesuffix("-sig")
    return BadRecord(
        where, f"is not in {name}; save the file in UTF-8, or name its encoding: --encoding windows-1252"
    )

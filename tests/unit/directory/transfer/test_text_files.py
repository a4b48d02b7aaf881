"""Text of files in the encodings that programs write."""

from __future__ import annotations

import io
from typing import BinaryIO

import pytest

from rpch.directory.transfer.records import BadRecord
from rpch.directory.transfer.text_files import codec_named, text_of
from rpch.errors import ConfigError

TEXT = "displayName\r\nZoë\r\n"


class Pipe(io.BytesIO):
    """What can be read once."""

    def seekable(self) -> bool:
        return False


def read(source: BinaryIO, encoding: str | None = None) -> str:
    with text_of(source, encoding) as text:
        return text.read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_known_by_itself(encoding: str) -> None:
    assert read(io.BytesIO(TEXT.encode(encoding))) == TEXT


@pytest.mark.parametrize("source", [io.BytesIO, Pipe])
@pytest.mark.parametrize("encoding", ["windows-1252", "UTF8", "utf-16"])
def test_another_encoding_may_be_named(source: type[io.BytesIO], encoding: str) -> None:
    assert read(source(TEXT.encode(encoding)), encoding) == TEXT


def test_wrong_letters_are_refused_with_their_line_before_anything_is_read() -> None:
    source = io.BytesIO(b"displayName\n" * 200_000 + "Zoë\n".encode("windows-1252"))
    wrong = r"line 200001: is not in utf-8; .*--encoding windows-1252"
    with pytest.raises(BadRecord, match=wrong), text_of(source, None):
        pytest.fail("the file was opened")


def test_wrong_letters_in_a_pipe_are_refused_when_they_come() -> None:
    with pytest.raises(BadRecord, match="is not in utf-8"):
        read(Pipe("Zoë".encode("windows-1252")))


def test_a_file_is_read_from_where_it_stands_and_stays_open() -> None:
    source = io.BytesIO(b"skipped\n" + TEXT.encode())
    source.readline()
    assert read(source) == TEXT
    assert not source.closed


@pytest.mark.parametrize("name", ["no-such", "base64", "rot13"])
def test_unknown_encodings_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="--encoding"):
        codec_named(name)

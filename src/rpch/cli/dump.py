"""`rpch dump`: shows captured bytes by the specifications' names."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from rpch.decode.conversations import Seen
from rpch.decode.export import Exporter
from rpch.decode.pcapng import PcapngWriter
from rpch.decode.render import as_object, lines
from rpch.decode.sources import Form, Where, decode_source
from rpch.errors import DecodeError

STANDARD_INPUT: Final = "-"
_HEX_ARGUMENT: Final = re.compile(r"[0-9a-fA-F\s:]{8,}")
_LEGS: Final = ("IN-H", "IN-T", "OUT-H", "OUT-T")
_RECEIVERS: Final = ("client", "in-proxy", "out-proxy", "server")


def dump(
    source: Annotated[
        str, typer.Argument(help="A file, - for standard input, or hex digits.")
    ] = STANDARD_INPUT,
    form: Annotated[Form, typer.Option("--from", help="What the input is.")] = Form.AUTO,
    leg: Annotated[str | None, typer.Option(help=f"Where the bytes were seen: {', '.join(_LEGS)}.")] = None,
    to: Annotated[str | None, typer.Option(help=f"Who received them: {', '.join(_RECEIVERS)}.")] = None,
    brief: Annotated[bool, typer.Option("--brief", help="One line a message, without its fields.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="All bytes of every field, and whole cookies.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    pcapng: Annotated[
        Path | None, typer.Option(help="Also write a capture for Wireshark; secrets only with --full.")
    ] = None,
) -> None:
    """Decode RTS and RPC PDUs from hex, raw bytes, a trace, or a pcap or pcapng capture.

    Captures are followed by TCP connection: HTTP heads, IN and OUT channels, legs between proxy and server.
    """
    _check_choice("--leg", leg, _LEGS)
    _check_choice("--to", to, _RECEIVERS)
    try:
        flawed = _dump(
            source, form, Where(leg, to, full), brief=brief, full=full, as_json=as_json, pcapng=pcapng
        )
    except DecodeError as error:
        raise _failed(str(error)) from error
    except BrokenPipeError:
        raise  # the reader has seen enough; typer ends quietly
    except OSError as error:
        raise _failed(f"{error.filename or source}: {error.strerror}") from error
    if flawed:
        raise typer.Exit(1)


def _dump(
    source: str, form: Form, where: Where, *, brief: bool, full: bool, as_json: bool, pcapng: Path | None
) -> bool:
    """Print everything; whether something in bytes that are no capture was wrong."""
    flawed = False
    with ExitStack() as stack:
        stream = stack.enter_context(_opened(source))
        exporter = None
        if pcapng is not None:
            exporter = Exporter(PcapngWriter(stack.enter_context(pcapng.open("wb"))), whole=full)
            stack.callback(exporter.close)
        for seen in decode_source(stream, form, where):
            if exporter is not None:
                exporter.add(seen)
            for line in _lines(seen, brief=brief, full=full, as_json=as_json):
                typer.echo(line)
            flawed |= seen.message.problem is not None and seen.source is None
    return flawed


def _lines(seen: Seen, *, brief: bool, full: bool, as_json: bool) -> Iterator[str]:
    if not as_json:
        return lines(seen, fields=not brief, full=full)
    return iter([json.dumps(as_object(seen, fields=not brief, full=full), ensure_ascii=False)])


def _opened(source: str) -> BinaryIO:
    """The input as a stream of bytes."""
    if source == STANDARD_INPUT:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    path = Path(source)
    if _HEX_ARGUMENT.fullmatch(source) and not path.exists():
        return BytesIO(source.encode("ascii"))
    return path.open("rb")


def _check_choice(option: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(choices)}", param_hint=option)


def _failed(why: str) -> typer.Exit:
    typer.echo(f"rpch dump: {why}", err=True)
    return typer.Exit(1)

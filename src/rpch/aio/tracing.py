"""Turns the trace on from the environment, and writes it.

`RPCH_TRACE` names a file that lines are added to, or is `-` for standard error. Several processes may share
the file: each line is one write. `RPCH_TRACE_FULL=1` adds payloads, with cookies and tokens taken out.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import structlog

from rpch.dcerpc.framing import PduCutter, pdus_in
from rpch.dcerpc.pdu_names import pdu_name
from rpch.dcerpc.pdus_header import HEADER_SIZE, Header, PduType
from rpch.errors import ConfigError, RemoteProtocolError
from rpch.rts.legs import candidates, names
from rpch.rts.masking import masked
from rpch.rts.pdus import read_message
from rpch.trace import Bytes, Tracer, plain

PATH: Final = "RPCH_TRACE"
FULL: Final = "RPCH_TRACE_FULL"
STANDARD_ERROR: Final = "-"
SHOWN_PDUS: Final = 20

_log = structlog.get_logger("rpch.trace")


def tracer_from_environment(environ: Mapping[str, str] = os.environ) -> Tracer | None:
    """The tracer that the environment asks for; `ConfigError` when it cannot be opened."""
    path = environ.get(PATH, "")
    if not path:
        return None
    full = environ.get(FULL, "") not in ("", "0")
    epoch = time.time() - time.monotonic()
    return Tracer(_sink_for(path), payload=partial(describe_payload, full=full), epoch=epoch)


class LineSink:
    """Writes whole lines to a file descriptor. A trace that cannot be written stops; nothing else does."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._stopped = descriptor, False

    def write(self, text: str, /) -> None:
        if self._stopped:
            return
        try:
            os.write(self._descriptor, text.encode("utf-8", "backslashreplace"))
        except BlockingIOError:
            pass  # a terminal that cannot keep up loses this line
        except OSError as error:
            self._stopped = True
            _log.warning("trace_stopped", reason=str(error))


def _sink_for(path: str) -> LineSink:
    if path == STANDARD_ERROR:
        return LineSink(sys.stderr.fileno())
    try:
        return LineSink(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ConfigError(PATH, f"cannot write to {path}: {error.strerror}") from error


def describe_payload(data: Bytes, carrier: object, *, full: bool) -> object:
    """What the trace says of bytes that travel: how many, which PDUs, and with `full` what they are."""
    whole = bytes(data)
    shown: dict[str, object] = {"bytes": len(whole)}
    place = getattr(getattr(carrier, "leg", None), "place", None)
    shown["pdus"] = list(_named(whole, getattr(place, "value", None)))
    if full:
        shown["hex"] = masked(whole).hex()
    return shown


def _named(data: bytes, place: str | None) -> Iterator[Any]:
    cutter = PduCutter(any_version=True)
    try:
        views = [view for piece in cutter.feed(data) for view in pdus_in(piece.data)]
        for view in views[:SHOWN_PDUS]:
            header = Header.decode(bytes(view[:HEADER_SIZE]))
            if header.kind is PduType.RTS:
                yield _shown_rts(bytes(view), place)
            else:
                yield f"{pdu_name(header.kind)} {header.call_id}"
    except RemoteProtocolError as error:
        yield f"no PDU: {error}"
        return
    if len(views) > SHOWN_PDUS:
        yield f"{len(views) - SHOWN_PDUS} more"
    if cutter.held:
        yield f"{cutter.held} bytes of a torn PDU"


def _shown_rts(data: bytes, place: str | None) -> Any:
    message = read_message(data)
    kinds = candidates(message, place=place)
    if not kinds:
        return f"RTS, {message}"
    return {**plain(kinds[0](*message.commands)), "is": names(kinds)}

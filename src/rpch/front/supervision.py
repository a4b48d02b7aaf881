"""What the program that started us wants to know: notifications for systemd, if it asks.  sd_notify(3)"""

from __future__ import annotations

import os
import socket
from typing import Final

import structlog

log = structlog.get_logger("rpch.front")

VARIABLE: Final = "NOTIFY_SOCKET"


def tell_supervisor(state: str) -> None:
    """Send a state such as `READY=1` to whoever started us, if it listens. It is no error if it does not."""
    place = os.environ.get(VARIABLE, "")
    if place[:1] not in ("/", "@"):
        return
    address = f"\0{place[1:]}" if place.startswith("@") else place  # an abstract name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.send(state.encode("utf-8"))
        except OSError as error:
            log.warning("the supervisor does not listen", why=str(error))

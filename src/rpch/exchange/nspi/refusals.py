"""What an operation of the address book comes to when it is no success."""

from __future__ import annotations

from rpch.errors import RpchError
from rpch.exchange.nspi.wire.structures import Status


class Refused(RpchError):
    """An operation answers with this status and nothing else.  MS-OXNSPI 3.1.4"""

    def __init__(self, status: Status, why: str = "") -> None:
        super().__init__(status, why)
        self.status, self.why = status, why

    def __str__(self) -> str:
        return f"{self.status.name}: {self.why}" if self.why else str(self.status.name)

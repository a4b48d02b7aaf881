"""Why a stub cannot be read, with the status a server answers.  MS-RPCE 3.1.1.5.3.2"""

from __future__ import annotations

from typing import Final

from rpch.errors import DecodeError

BAD_STUB_DATA: Final = 0x6F7
NULL_REF_POINTER: Final = 0x6F4
ENUM_VALUE_OUT_OF_RANGE: Final = 0x6F5
INVALID_TAG: Final = 0x6C5


class StubError(DecodeError):
    """The stub is not what its interface declares; `status` is the fault to answer.  MS-RPCE 3.1.1.5.3.2"""

    def __init__(self, reason: str, *, at: int, status: int = BAD_STUB_DATA) -> None:
        super().__init__(reason, at=at)
        self.status = status

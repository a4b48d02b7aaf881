"""The directives that the protocol puts into `Pragma`.  MS-RPCH 2.1.2.1.1"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from rpch.errors import LocalProtocolError

MIN_CONNECTION_TIMEOUT: Final = 120
MAX_CONNECTION_TIMEOUT: Final = 14_400

_SECONDS: Final = re.compile(r"[0-9]{1,10}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Pragmas:
    """What a client asks of a channel, in seconds and UUIDs; None where it does not.  MS-RPCH 2.1.2.1.1"""

    min_connection_timeout: int | None = None
    resource_type: UUID | None = None
    session: UUID | None = None

    def encode(self) -> list[str]:
        """One field value for each directive, in the specification's order.  MS-RPCH 2.1.2.1.1"""
        values = []
        if (seconds := self.min_connection_timeout) is not None:
            if not MIN_CONNECTION_TIMEOUT <= seconds <= MAX_CONNECTION_TIMEOUT:
                limits = f"{MIN_CONNECTION_TIMEOUT} to {MAX_CONNECTION_TIMEOUT}"
                raise LocalProtocolError(f"MinConnTimeout={seconds} is not within {limits} seconds")
            values.append(f"MinConnTimeout={seconds}")
        if self.resource_type is not None:
            values.append(f"ResourceTypeUuid={self.resource_type}")
        if self.session is not None:
            values.append(f"SessionId={self.session}")
        return values


def read_pragmas(values: Iterable[str]) -> Pragmas:
    """The directives among the values of all Pragma fields; what makes no sense counts as absent.

    They may come one a field or several in one, in any case, a UUID in braces, a value in quotes. The
    first of each kind counts. A timeout outside the range is moved into it.  MS-RPCH 2.1.2.1.1
    """
    found: dict[str, str] = {}
    for value in values:
        for directive in value.split(","):
            name, equals, argument = directive.partition("=")
            if equals:
                found.setdefault(name.strip().lower(), argument.strip().strip('"'))
    return Pragmas(
        min_connection_timeout=_seconds(found.get("minconntimeout")),
        resource_type=_uuid(found.get("resourcetypeuuid")),
        session=_uuid(found.get("sessionid")),
    )


def _seconds(text: str | None) -> int | None:
    if text is None or not _SECONDS.fullmatch(text):
        return None
    return min(max(int(text), MIN_CONNECTION_TIMEOUT), MAX_CONNECTION_TIMEOUT)


def _uuid(text: str | None) -> UUID | None:
    if text is None:
        return None
    bare = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    return UUID(bare) if _UUID.fullmatch(bare.lower()) else None

"""Autodiscover v2: one URL for a protocol, as JSON, for everybody.

Nothing here looks at the directory, so nothing here can tell who exists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

POX: Final = "AutodiscoverV1"


def json_answer(address: str, query: Mapping[str, str], host: str) -> tuple[int, bytes]:
    """Status and body. Addresses are read only as far as needed to say that one is missing."""
    asked = {name.lower(): value for name, value in query.items()}
    protocol = asked.get("protocol", "")
    if not (address or asked.get("email", "")):
        return _error("MandatoryParameterMissing", "A valid e-mail address must be provided.")
    if not protocol:
        return _error("MissingProtocol", "A valid value must be provided for the query parameter 'Protocol'.")
    if protocol.lower() != POX.lower():
        return _error("ProtocolNotSupported", f"This protocol is not served; supported: {POX}.")
    url = f"https://{host}/autodiscover/autodiscover.xml"
    return 200, json.dumps({"Protocol": POX, "Url": url}).encode()


def _error(code: str, message: str) -> tuple[int, bytes]:
    return 400, json.dumps({"ErrorCode": code, "ErrorMessage": message}).encode()

"""Autodiscover v2: one URL for a protocol, as JSON, for everybody.

Nothing here looks for an address, so nothing here can tell who exists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

POX: Final = "AutodiscoverV1"
EWS: Final = "Ews"
ACTIVE_SYNC: Final = "ActiveSync"


def json_answer(address: str, query: Mapping[str, str], urls: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body. `urls` are those of the protocols that there are.

    Addresses are read only as far as needed to say that one is missing.
    """
    asked = {name.lower(): value for name, value in query.items()}
    wanted = asked.get("protocol", "").strip()
    if not (address or asked.get("email", "")).strip():
        return _error("MandatoryParameterMissing", "A valid e-mail address must be provided.")
    if not wanted:
        return _error("MissingProtocol", "A valid value must be provided for the query parameter 'Protocol'.")
    for protocol, url in urls.items():
        if protocol.lower() == wanted.lower():
            return 200, json.dumps({"Protocol": protocol, "Url": url}).encode()
    served = ", ".join(urls)
    return _error("ProtocolNotSupported", f"This protocol is not served; supported: {served}.")


def _error(code: str, message: str) -> tuple[int, bytes]:
    return 400, json.dumps({"ErrorCode": code, "ErrorMessage": message}).encode()

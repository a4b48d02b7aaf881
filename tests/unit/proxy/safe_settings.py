"""Settings in which nothing is dangerous, to make one thing dangerous at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rpch.proxy.configuration import ProxyConfiguration

PLAIN = {"no_tls": True, "tls_cert": None}


def safe(**changes: Any) -> ProxyConfiguration:
    """Safe settings with these changes."""
    given: dict[str, Any] = {
        "listen": "0.0.0.0:443",
        "tls_cert": Path("no-such-cert.pem"),
        "valid_ports": "ex01.corp.example:6001-6004",
    }
    return ProxyConfiguration(**given | changes)

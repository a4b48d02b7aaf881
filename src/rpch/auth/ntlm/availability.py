"""Whether this machine can do what NTLM needs; known at the start and not at the first login."""

from __future__ import annotations

import hashlib
import hmac


def why_unavailable() -> str | None:
    """What is missing for NTLM here, None when it can be used. Hardened builds take MD5 away."""
    try:
        hashlib.md5(b"", usedforsecurity=False)
        hmac.digest(b"", b"", "md5")
    except ValueError:
        return "this machine's cryptographic library has no MD5, which NTLM needs; use Kerberos or Basic"
    return None

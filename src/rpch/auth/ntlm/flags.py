"""What NTLM negotiates, and what we grant of it.  MS-NLMP 2.2.2.5"""

from __future__ import annotations

from enum import IntFlag
from typing import Final


class NtlmFlags(IntFlag):
    """The bits of NegotiateFlags; bits without a name are kept.  MS-NLMP 2.2.2.5"""

    NONE = 0
    UNICODE = 0x00000001
    OEM = 0x00000002
    REQUEST_TARGET = 0x00000004
    SIGN = 0x00000010
    SEAL = 0x00000020
    DATAGRAM = 0x00000040
    LM_KEY = 0x00000080
    NTLM = 0x00000200
    ANONYMOUS = 0x00000800
    OEM_DOMAIN_SUPPLIED = 0x00001000
    OEM_WORKSTATION_SUPPLIED = 0x00002000
    ALWAYS_SIGN = 0x00008000
    TARGET_TYPE_DOMAIN = 0x00010000
    TARGET_TYPE_SERVER = 0x00020000
    EXTENDED_SESSION_SECURITY = 0x00080000
    IDENTIFY = 0x00100000
    NON_NT_SESSION_KEY = 0x00400000
    TARGET_INFO = 0x00800000
    VERSION = 0x02000000
    KEY_128 = 0x20000000
    KEY_EXCHANGE = 0x40000000
    KEY_56 = 0x80000000


PROTECTION: Final = NtlmFlags.SIGN | NtlmFlags.SEAL

_ALWAYS: Final = (
    NtlmFlags.REQUEST_TARGET | NtlmFlags.NTLM | NtlmFlags.ALWAYS_SIGN | NtlmFlags.TARGET_INFO
)  # fmt: skip

# Observed: clients on HTTP refuse a challenge without 128, though the text returns it with SIGN or SEAL only.
_IF_ASKED: Final = (
    NtlmFlags.IDENTIFY
    | NtlmFlags.EXTENDED_SESSION_SECURITY
    | NtlmFlags.VERSION
    | PROTECTION
    | NtlmFlags.KEY_128
    | NtlmFlags.KEY_56
)


def grant(requested: NtlmFlags, *, domain_member: bool) -> NtlmFlags:
    """The flags of the CHALLENGE that answers these.  MS-NLMP 3.2.5.1.1"""
    granted = _ALWAYS | (requested & _IF_ASKED)
    granted |= NtlmFlags.TARGET_TYPE_DOMAIN if domain_member else NtlmFlags.TARGET_TYPE_SERVER
    granted |= NtlmFlags.UNICODE if requested & NtlmFlags.UNICODE else NtlmFlags.OEM
    # Without SIGN or SEAL clients disagree which key an exchanged one would be: do not begin.
    if requested & PROTECTION:
        granted |= requested & NtlmFlags.KEY_EXCHANGE
    return granted


def effective(granted: NtlmFlags, sent: NtlmFlags) -> NtlmFlags:
    """What holds: what we granted and the client kept. What it adds is ignored.  MS-NLMP 3.2.5.1.2"""
    return granted & sent

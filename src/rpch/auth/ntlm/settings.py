"""Under which names we accept NTLM, and how strict we are.  MS-NLMP 3.2.1"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from rpch.auth.ntlm.av_pairs import AvId, AvPairs
from rpch.errors import ConfigError

_NETBIOS_SIZE: Final = 15
_EPOCH: Final = 11_644_473_600  # seconds from 1601, where FILETIME begins, to 1970
_FILETIME: Final = struct.Struct("<Q")


class MicPolicy(StrEnum):
    """Whether a message without a MIC is taken.

    BY_PROTECTION takes it where a matching channel binding or signed messages protect from relaying anyway.
    """

    BY_PROTECTION = "by-protection"
    REQUIRE = "require"
    IF_FLAGGED = "if-flagged"


@dataclass(frozen=True, slots=True)
class NtlmSettings:
    """Who we say we are in a CHALLENGE, and what we insist on.  MS-NLMP 3.2.1.1

    `dns_computer` is the public name of the service: some clients make their target name of it.
    """

    netbios_computer: str
    netbios_domain: str
    dns_computer: str
    dns_domain: str
    dns_tree: str = ""
    domain_member: bool = False
    mic: MicPolicy = MicPolicy.BY_PROTECTION
    require_echo: bool = True
    machine_accounts: bool = False
    challenge_lifetime: float = 120.0

    def __post_init__(self) -> None:
        for name in (self.netbios_computer, self.netbios_domain):
            if not 1 <= len(name) <= _NETBIOS_SIZE or not name.isascii():
                raise ConfigError("ntlm", f"{name!r} is no NetBIOS name; write 1 to 15 ASCII characters")

    @classmethod
    def standalone(cls, dns_computer: str, *, domain: str = "") -> Self:
        """A server of its own, that is in no domain; `domain` is what its accounts are said to belong to."""
        host, _, dns_domain = dns_computer.partition(".")
        computer = host[:_NETBIOS_SIZE].upper()
        return cls(computer, domain.upper() or computer, dns_computer, dns_domain or dns_computer)

    @property
    def target_name(self) -> str:
        """The name of the realm that asks.  MS-NLMP 2.2.1.2"""
        return self.netbios_domain if self.domain_member else self.netbios_computer

    def target_info(self, now: float) -> AvPairs:
        """What a CHALLENGE says about us. The time in it makes clients send a MIC.  MS-NLMP 3.2.5.1.1"""
        names = (
            (AvId.NETBIOS_DOMAIN, self.netbios_domain),
            (AvId.NETBIOS_COMPUTER, self.netbios_computer),
            (AvId.DNS_DOMAIN, self.dns_domain),
            (AvId.DNS_COMPUTER, self.dns_computer),
            (AvId.DNS_TREE, self.dns_tree),
        )
        pairs = [(int(name), text.encode("utf-16-le")) for name, text in names if text]
        return AvPairs((*pairs, (AvId.TIMESTAMP, filetime(now))))


def filetime(now: float) -> bytes:
    """A time as FILETIME: tenths of microseconds since 1601.  MS-DTYP 2.3.3"""
    return _FILETIME.pack((int(now * 1_000_000) + _EPOCH * 1_000_000) * 10)

"""Where a domain's SRV record says that Autodiscover is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.rdtypes.IN.SRV import SRV
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration

from rpch.errors import TransportError

LIFETIME: Final = 5.0
MOST: Final = 10

SrvLookup = Callable[[str], Awaitable[list[str]]]
"""The targets of a name's SRV records, the best first; none when there is no record."""


async def look_up_srv(name: str, *, resolver: Resolver | None = None) -> list[str]:
    """Ask the system's name servers."""
    try:
        asked = resolver or Resolver()
        found = await asked.resolve(name, "SRV", lifetime=LIFETIME)
    except (NXDOMAIN, NoAnswer):
        return []
    except (DNSException, NoResolverConfiguration, OSError) as error:
        raise TransportError(f"DNS does not answer for {name}: {error}") from error
    records = [record for record in found if isinstance(record, SRV)]
    records.sort(key=lambda record: (record.priority, -record.weight))
    targets = [record.target.to_text(omit_final_dot=True).lower() for record in records[:MOST]]
    return [target for target in targets if target not in ("", ".")]

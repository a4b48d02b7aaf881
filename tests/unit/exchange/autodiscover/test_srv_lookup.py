"""SRV records, in their order; what DNS says no to, and what it does not say."""

from __future__ import annotations

from typing import Any, cast

import pytest
from dns.asyncresolver import Resolver
from dns.exception import Timeout
from dns.rdata import from_text
from dns.rdataclass import IN
from dns.rdatatype import SRV as SRV_TYPE
from dns.resolver import NXDOMAIN, NoAnswer

from rpch.errors import TransportError
from rpch.exchange.autodiscover.srv_lookup import MOST, look_up_srv

NAME = "_autodiscover._tcp.contoso.com"


class Answers:
    """A resolver that says this."""

    def __init__(self, said: list[str] | Exception) -> None:
        self.said = said

    async def resolve(self, name: str, kind: str, lifetime: float) -> list[Any]:
        assert (name, kind) == (NAME, "SRV")
        if isinstance(self.said, Exception):
            raise self.said
        return [from_text(IN, SRV_TYPE, text) for text in self.said]


async def found(said: list[str] | Exception) -> list[str]:
    return await look_up_srv(NAME, resolver=cast(Resolver, Answers(said)))


async def test_the_best_comes_first() -> None:
    said = ["10 5 443 c.example.", "0 1 443 b.example.", "0 9 8443 A.example.", "5 0 443 ."]
    assert await found(said) == ["a.example", "b.example", "c.example"]


async def test_no_more_than_a_few_are_taken() -> None:
    assert len(await found([f"0 0 443 h{n}.example." for n in range(50)])) == MOST


@pytest.mark.parametrize("no", [NXDOMAIN, NoAnswer])
async def test_no_record_is_an_answer(no: type[Exception]) -> None:
    assert await found(no.__new__(no)) == []


@pytest.mark.parametrize("error", [Timeout, OSError])
async def test_a_silent_dns_is_an_error(error: type[Exception]) -> None:
    with pytest.raises(TransportError, match="DNS does not answer for _autodiscover"):
        await found(error())

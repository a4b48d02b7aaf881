"""Finding a mailbox's settings from its address alone, as Outlook does.  MS-OXDISCO 3.1.5

    1  https://DOMAIN/autodiscover/autodiscover.xml
    2  https://autodiscover.DOMAIN/…
    3  http://autodiscover.DOMAIN/…, a GET without credentials that only a redirection answers
    4  the SRV record of _autodiscover._tcp.DOMAIN; its port is ignored
    5  a file with an answer, if there is one

The first settings end it. Credentials go over TLS that was checked, and to hosts of the address's own domain
or hosts that were allowed; every redirection, and whoever an SRV record names, is held to that. At most
ten redirections are followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

from rpch.auth.initiator import choose_scheme
from rpch.errors import AuthenticationFailed, DecodeError, TransportError
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT
from rpch.exchange.autodiscover.pox_request import PoxRequest
from rpch.exchange.autodiscover.pox_settings import AskAt, AskWith, MailboxSettings, NoSettings, read_answer
from rpch.exchange.autodiscover.srv_lookup import SrvLookup, look_up_srv
from rpch.exchange.autodiscover.web_client import Credentials, Proof, WebAnswer, WebRequestFor

PATH: Final = "/autodiscover/autodiscover.xml"
MOST_REDIRECTIONS: Final = 10
REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})

Ask = Callable[[WebRequestFor], Awaitable[WebAnswer]]
Allow = Callable[[str], Awaitable[bool]]
"""Whether credentials may go to a host outside the address's domain."""


async def allow_nobody(host: str) -> bool:
    """The safe answer."""
    return False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried, and what came of it. `settings` only where it found them."""

    method: str
    url: str
    outcome: str
    settings: MailboxSettings | None = None


_Outcome = MailboxSettings | AskWith | AskAt


class _Failed(Exception):
    """This way leads nowhere; the next one may."""


class AutodiscoverClient:
    """Tries the ways in order. Each `discover` starts anew."""

    def __init__(
        self,
        ask: Ask,
        *,
        credentials: Credentials | None = None,
        allow: Allow = allow_nobody,
        srv: SrvLookup = look_up_srv,
        capability: int = 1,
        local: Path | None = None,
    ) -> None:
        """`capability` is the version of MAPI over HTTP that the client claims; 0 for none.

        `local` is a file with an answer, for when nobody else has one.
        """
        self._local = local
        self._ask, self._credentials, self._allow, self._srv = ask, credentials, allow, srv
        self._capability = capability
        self._address, self._home = "", ""
        self._redirections = 0
        self._steps: list[Step] = []

    async def discover(self, address: str, *, url: str | None = None) -> AsyncIterator[Step]:
        """Each step as it ends; the last one has the settings, if there are any. `url` saves the search."""
        self._redirections, self._address = 0, address
        self._home = _domain(address)
        seen: set[str] = set()
        while self._address.lower() not in seen:
            seen.add(self._address.lower())
            again = False
            ways = self._given(url) if url else self._ways(_domain(self._address))
            async for step, address_again in ways:
                yield step
                if step.settings is not None:
                    return
                if address_again:
                    again, url = True, None
                    break
            if not again:
                return
        yield Step("redirection", "", f"{self._address} was asked for already; redirections go in a circle")

    async def _given(self, url: str) -> AsyncIterator[tuple[Step, bool]]:
        async for found in self._post("given URL", url, trusted=True):
            yield found

    async def _ways(self, domain: str) -> AsyncIterator[tuple[Step, bool]]:
        host = f"autodiscover.{domain}"
        if not domain:
            yield Step("address", "", f"{self._address!r} has no domain"), False
            return
        async for found in self._post("root domain", f"https://{domain}{PATH}"):
            yield found
        async for found in self._post("autodiscover host", f"https://{host}{PATH}"):
            yield found
        async for found in self._by_plain_redirection(f"http://{host}{PATH}"):
            yield found
        async for found in self._by_srv(domain):
            yield found
        if self._local is not None:
            async for found in self._by_file(self._local):
                yield found

    async def _by_plain_redirection(self, url: str) -> AsyncIterator[tuple[Step, bool]]:
        method = "HTTP redirection"
        try:
            answer = await self._ask(WebRequestFor(url))
        except TransportError as error:
            yield Step(method, url, str(error)), False
            return
        if answer.status not in REDIRECTIONS or not answer.location:
            yield Step(method, url, f"answered {answer.status}, no redirection"), False
            return
        target = _joined(url, answer.location)
        yield Step(method, url, f"leads to {target}"), False
        self._redirections += 1
        async for found in self._post(method, target):
            yield found

    async def _by_srv(self, domain: str) -> AsyncIterator[tuple[Step, bool]]:
        name = f"_autodiscover._tcp.{domain}"
        try:
            targets = await self._srv(name)
        except TransportError as error:
            yield Step("SRV record", name, str(error)), False
            return
        if not targets:
            yield Step("SRV record", name, "there is none"), False
            return
        yield Step("SRV record", name, f"names {', '.join(targets)}"), False
        async for found in self._post("SRV record", f"https://{targets[0]}{PATH}"):
            yield found

    async def _by_file(self, file: Path) -> AsyncIterator[tuple[Step, bool]]:
        method, where = "local file", str(file)
        try:
            outcome = _document(await asyncio.to_thread(_beginning, file))
        except (_Failed, DecodeError, OSError) as error:
            yield Step(method, where, str(error)), False
            return
        step, leads_to = self._step(method, where, outcome)
        yield step, isinstance(outcome, AskWith)
        if leads_to:
            async for found in self._post(method, leads_to):
                yield found

    async def _post(
        self, method: str, url: str, *, trusted: bool = False
    ) -> AsyncIterator[tuple[Step, bool]]:
        """Ask one URL and whatever it leads to."""
        while True:
            try:
                await self._check(url, trusted=trusted)
                answer = await self._answer(url)
                outcome = _outcome(url, answer)
            except (_Failed, AuthenticationFailed, TransportError, DecodeError) as error:
                yield Step(method, url, str(error)), False
                return
            step, leads_to = self._step(method, url, outcome)
            yield step, isinstance(outcome, AskWith)
            if not leads_to:
                return
            url, trusted = leads_to, False

    def _step(self, method: str, place: str, outcome: _Outcome) -> tuple[Step, str]:
        """What came of one question, and where it leads, if it leads to another URL."""
        match outcome:
            case MailboxSettings():
                return Step(method, place, "settings", outcome), ""
            case AskWith(address=address):
                self._redirections, self._address = self._redirections + 1, address
                return Step(method, place, f"begin again as {address}"), ""
            case AskAt(url=target):
                self._redirections += 1
                return Step(method, place, f"leads to {target}"), target

    async def _check(self, url: str, *, trusted: bool) -> None:
        """Whether credentials may go there."""
        scheme, host = _place(url)
        if self._redirections > MOST_REDIRECTIONS:
            raise _Failed(f"more than {MOST_REDIRECTIONS} redirections")
        if scheme != "https" or not host:
            raise _Failed("not asked: only https is trusted with credentials")
        if trusted or (self._home and f".{host}".endswith(f".{self._home}")):
            return
        if not await self._allow(host):
            raise _Failed(f"not asked: {host} is no host of {self._home}, and was not allowed")

    async def _answer(self, url: str) -> WebAnswer:
        """Asked without credentials first, so that they go only to whoever asks for them."""
        headers = [
            ("Content-Type", "text/xml; charset=utf-8"),
            ("User-Agent", "rpch"),
            ("X-ClientCanHandle", "Negotiate, ExHttpInfo"),
        ]
        if self._capability:
            headers.append(("X-MapiHttpCapability", str(self._capability)))
        body = PoxRequest(self._address).encode()
        answer = await self._ask(WebRequestFor(url, body, tuple(headers)))
        if answer.status != 401:
            return answer
        if self._credentials is None:
            raise _Failed("answered 401: it asks for credentials, and there are none")
        scheme = choose_scheme([offer.partition(" ")[0] for offer in answer.offers], secure=True)
        proof = Proof(scheme, self._credentials)
        answer = await self._ask(WebRequestFor(url, body, tuple(headers), proof))
        if answer.status == 401:
            raise _Failed(f"refused {self._credentials.user}, by {scheme}")
        return answer


def _outcome(url: str, answer: WebAnswer) -> _Outcome:
    if answer.status in REDIRECTIONS and answer.location:
        return AskAt(_joined(url, answer.location))
    if answer.status != 200:
        raise _Failed(f"answered {answer.status}")
    return _document(answer.body)


def _document(data: bytes) -> _Outcome:
    outcome = read_answer(data)
    if isinstance(outcome, NoSettings):
        raise _Failed(f"error {outcome.code}: {outcome.message}")
    if outcome in (AskAt(""), AskWith("")):
        raise _Failed("a redirection to nowhere")
    return outcome


def _beginning(file: Path) -> bytes:
    """As much of a file as an answer may have, and a byte more."""
    with file.open("rb") as source:
        return source.read(SIZE_LIMIT + 1)


def _joined(url: str, location: str) -> str:
    """Where a redirection leads; what cannot be read stays as it is, and is refused where it is looked at."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _place(url: str) -> tuple[str, str]:
    """Scheme and host; neither where a URL is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").lower()
    except ValueError:
        return "", ""


def _domain(address: str) -> str:
    """The part behind the @; nothing unless it can stand in a URL."""
    domain = address.rpartition("@")[2] if "@" in address else ""
    try:
        encoded = domain.strip().rstrip(".").lower().encode("idna").decode()
    except UnicodeError:
        return ""
    return encoded if all(char.isalnum() or char in "-." for char in encoded) else ""

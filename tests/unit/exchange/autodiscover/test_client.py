"""A client finds settings in Outlook's order, and gives its password to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from rpch.errors import TransportError
from rpch.exchange.autodiscover.client import (
    MOST_REDIRECTIONS,
    AutodiscoverClient,
    Step,
    allow_nobody,
)
from rpch.exchange.autodiscover.pox_answer import (
    Expr,
    User,
    error_document,
    redirect_address_document,
    redirect_url_document,
    settings_document,
)
from rpch.exchange.autodiscover.pox_request import ErrorCode, PoxRequest
from rpch.exchange.autodiscover.web_client import Credentials, WebAnswer, WebRequestFor
from tests.unit.exchange.autodiscover.conftest import NOW

PATH = "/autodiscover/autodiscover.xml"
ROOT, HOST = f"https://contoso.com{PATH}", f"https://autodiscover.contoso.com{PATH}"
PLAIN, SRV = f"http://autodiscover.contoso.com{PATH}", "_autodiscover._tcp.contoso.com"
JANE = Credentials("jane", "canary-77")
FOUND = settings_document(
    User("Jane", "/o=Org/cn=jane", "jane@contoso.com", UUID(int=1)), [Expr("m", tls=True, method="Basic")]
)
ASKS = WebAnswer(401, offers=("Negotiate", 'Basic realm="x"'))

Place = Callable[[WebRequestFor], WebAnswer]


def protected(body: bytes) -> Place:
    """Answers whoever shows the right password."""

    def answer(request: WebRequestFor) -> WebAnswer:
        shown = request.proof is not None and request.proof.credentials == JANE
        return WebAnswer(200, body=body) if shown else ASKS

    return answer


def always(answer: WebAnswer) -> Place:
    return lambda request: answer


@dataclass
class World:
    """Who answers where, and what was asked."""

    places: dict[str, Place]
    srv: dict[str, list[str]] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    asked: list[WebRequestFor] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    async def ask(self, request: WebRequestFor) -> WebAnswer:
        self.asked.append(request)
        if request.url not in self.places:
            raise TransportError("nobody is there")
        return self.places[request.url](request)

    async def look_up(self, name: str) -> list[str]:
        if name == "_autodiscover._tcp.broken.example":
            raise TransportError("DNS does not answer")
        return self.srv.get(name, [])

    async def allow(self, host: str) -> bool:
        self.questions.append(host)
        return host in self.allowed

    async def steps(
        self,
        address: str = "jane@contoso.com",
        *,
        url: str | None = None,
        credentials: Credentials | None = JANE,
        capability: int = 1,
        local: Path | None = None,
    ) -> list[Step]:
        client = AutodiscoverClient(
            self.ask,
            credentials=credentials,
            allow=self.allow,
            srv=self.look_up,
            capability=capability,
            local=local,
        )
        return [step async for step in client.discover(address, url=url)]

    def shown_to(self) -> list[str]:
        """Where the password went."""
        return [each.url for each in self.asked if each.proof]


def told(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.method, step.url) for step in steps]


async def test_everything_is_tried_in_order_and_says_why_it_failed() -> None:
    steps = await World({}).steps()
    assert told(steps) == [
        ("root domain", ROOT),
        ("autodiscover host", HOST),
        ("HTTP redirection", PLAIN),
        ("SRV record", SRV),
    ]
    assert [step.outcome for step in steps] == ["nobody is there"] * 3 + ["there is none"]


@pytest.mark.parametrize("place", [ROOT, HOST])
async def test_the_first_settings_end_it(place: str) -> None:
    world = World({place: protected(FOUND)})
    (*_, last) = await world.steps()
    assert last.url == place
    assert last.settings is not None
    assert last.settings.legacy_dn == "/o=Org/cn=jane"
    assert world.shown_to() == [place]


async def test_credentials_are_shown_only_where_they_are_asked_for() -> None:
    world = World({ROOT: always(WebAnswer(404)), HOST: always(WebAnswer(200, body=FOUND))})
    assert (await world.steps())[-1].settings is not None
    assert world.shown_to() == []
    assert "canary" not in repr(JANE)


async def test_the_request_is_outlooks() -> None:
    world = World({ROOT: always(WebAnswer(200, body=FOUND))})
    await world.steps()
    (request,) = world.asked
    assert request.body is not None
    assert PoxRequest.decode(request.body) == PoxRequest("jane@contoso.com")
    assert dict(request.headers)["X-MapiHttpCapability"] == "1"
    world = World({ROOT: always(WebAnswer(200, body=FOUND))})
    await world.steps(capability=0)
    assert "X-MapiHttpCapability" not in dict(world.asked[0].headers)


async def test_plain_http_is_asked_without_anything_and_only_for_a_redirection() -> None:
    target = f"https://mail.contoso.com{PATH}"
    world = World({PLAIN: always(WebAnswer(302, target)), target: protected(FOUND)})
    steps = await world.steps()
    assert steps[-1].settings is not None
    (plain,) = [each for each in world.asked if each.url == PLAIN]
    assert (plain.body, plain.headers) == (None, ())
    assert world.questions == []
    steps = await World({PLAIN: always(WebAnswer(200, body=FOUND))}).steps()
    assert steps[-2].outcome == "answered 200, no redirection"


@pytest.mark.parametrize(
    ("places", "srv"),
    [
        ({PLAIN: always(WebAnswer(302, f"https://other.example{PATH}"))}, {}),
        ({ROOT: always(WebAnswer(307, f"https://other.example{PATH}"))}, {}),
        ({ROOT: always(WebAnswer(200, body=redirect_url_document(f"https://other.example{PATH}")))}, {}),
        ({}, {SRV: ["other.example"]}),
    ],
)
async def test_strange_hosts_are_asked_only_if_they_are_allowed(
    places: dict[str, Place], srv: dict[str, list[str]]
) -> None:
    there = {f"https://other.example{PATH}": protected(FOUND)}
    refused = World(places | there, srv)
    steps = await refused.steps()
    assert all(step.settings is None for step in steps)
    assert any("other.example is no host of contoso.com" in step.outcome for step in steps)
    assert "other.example" not in " ".join(each.url for each in refused.asked)
    assert refused.questions == ["other.example"]
    allowed = World(places | there, srv, allowed=("other.example",))
    assert (await allowed.steps())[-1].settings is not None
    assert allowed.shown_to() == [f"https://other.example{PATH}"]


@pytest.mark.parametrize(
    "lookalike", ["notcontoso.com", "contoso.com.evil.example", "contoso.com@evil.example"]
)
async def test_lookalikes_are_strangers(lookalike: str) -> None:
    world = World({ROOT: always(WebAnswer(302, f"https://{lookalike}{PATH}"))})
    await world.steps()
    assert len(world.questions) == 1
    assert all("evil" not in each.url and "notcontoso" not in each.url for each in world.asked)


@pytest.mark.parametrize("target", [f"http://contoso.com{PATH}", "ftp://contoso.com/", "file:///etc"])
async def test_nothing_but_https_is_followed(target: str) -> None:
    world = World({ROOT: always(WebAnswer(302, target))})
    steps = await world.steps()
    assert "only https" in steps[1].outcome
    assert target not in [each.url for each in world.asked]


async def test_redirections_end() -> None:
    world = World({ROOT: always(WebAnswer(302, ROOT))})
    steps = await world.steps()
    outcomes = [step.outcome for step in steps if step.url == ROOT]
    assert outcomes[-1] == f"more than {MOST_REDIRECTIONS} redirections"
    assert len([each for each in world.asked if each.url == ROOT]) == MOST_REDIRECTIONS + 1


async def test_another_address_begins_again_and_its_hosts_must_be_allowed() -> None:
    there = f"https://other.example{PATH}"
    places = {ROOT: protected(redirect_address_document("jane@other.example")), there: protected(FOUND)}
    world = World(places, allowed=("other.example",))
    steps = await world.steps()
    assert [step.outcome for step in steps] == ["begin again as jane@other.example", "settings"]
    assert world.asked[-1].body == PoxRequest("jane@other.example").encode()
    assert (await World(places).steps())[-1].settings is None


async def test_addresses_that_lead_in_a_circle_end() -> None:
    world = World({ROOT: protected(redirect_address_document("JANE@contoso.com"))})
    steps = await world.steps()
    assert "circle" in steps[-1].outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (WebAnswer(404), "answered 404"),
        (WebAnswer(200, body=b"<html/>"), "no document of Autodiscover, at byte 0"),
        (WebAnswer(200, body=b"\0"), "no XML that is read here: ParseError, at byte 0"),
        (
            WebAnswer(401, offers=("Digest realm=x",)),
            "the server offers Digest; we allow Negotiate, NTLM, Basic",
        ),
        (WebAnswer(401), "the server offers nothing; we allow Negotiate, NTLM, Basic"),
        (ASKS, "refused jane, by Negotiate"),
        (WebAnswer(401, offers=('Basic realm="x"',)), "refused jane, by Basic"),
        (WebAnswer(200, body=error_document(ErrorCode.NOT_FOUND, "no", NOW)), "error 500: no"),
        (WebAnswer(302), "answered 302"),
        (WebAnswer(200, body=redirect_url_document("")), "a redirection to nowhere"),
        (WebAnswer(200, body=redirect_address_document("")), "a redirection to nowhere"),
    ],
)
async def test_each_failure_has_its_cause(answer: WebAnswer, outcome: str) -> None:
    (first, *_) = await World({ROOT: always(answer)}).steps()
    assert first.outcome == outcome


async def test_without_credentials_it_says_that_they_are_wanted() -> None:
    (first, *_) = await World({ROOT: always(ASKS)}).steps(credentials=None)
    assert first.outcome == "answered 401: it asks for credentials, and there are none"


async def test_a_url_that_is_given_is_all_that_is_asked() -> None:
    url = f"https://elsewhere.example{PATH}"
    world = World({url: protected(FOUND)})
    assert told(await world.steps(url=url)) == [("given URL", url)]
    assert told(await World({}).steps(url=url)) == [("given URL", url)]
    assert "only https" in (await World({}).steps(url="http://x/"))[0].outcome


@pytest.mark.parametrize(
    "address", ["jane", "jane@", "jane@a/b", "jane@a:80", "jane@" + "x" * 70, "jane@a..b"]
)
async def test_what_is_no_address_asks_nobody(address: str) -> None:
    world = World({})
    (step,) = await world.steps(address)
    assert "has no domain" in step.outcome
    assert world.asked == []


async def test_names_beyond_ascii_are_asked_for_as_dns_has_them() -> None:
    steps = await World({}).steps("jane@bücher.example")
    assert steps[0].url == f"https://xn--bcher-kva.example{PATH}"


async def test_dns_that_does_not_answer_is_a_cause() -> None:
    assert (await World({}).steps("jane@broken.example"))[-1].outcome == "DNS does not answer"


async def test_by_itself_nobody_else_is_allowed() -> None:
    assert not await allow_nobody("other.example")


@pytest.mark.parametrize("target", ["https://[::1/x", "https://[nonsense]/", "//[x"])
async def test_a_redirection_that_cannot_be_read_is_refused(target: str) -> None:
    for world in (
        World({ROOT: always(WebAnswer(302, target))}),
        World({PLAIN: always(WebAnswer(302, target))}),
        World({ROOT: always(WebAnswer(200, body=redirect_url_document(target)))}),
    ):
        assert any("only https" in step.outcome for step in await world.steps())


async def test_a_file_is_the_last_resort(tmp_path: Path) -> None:
    file = tmp_path / "autodiscover.xml"
    file.write_bytes(FOUND)
    steps = await World({}).steps(local=file)
    assert told(steps)[-1] == ("local file", str(file))
    assert len(steps) == 5
    assert steps[-1].settings is not None
    assert len(await World({ROOT: protected(FOUND)}).steps(local=file)) == 1


async def test_a_file_may_lead_on_with_the_same_cautions(tmp_path: Path) -> None:
    file, there = tmp_path / "autodiscover.xml", f"https://other.example{PATH}"
    file.write_bytes(redirect_url_document(there))
    assert (await World({there: protected(FOUND)}).steps(local=file))[-1].settings is None
    allowed = World({there: protected(FOUND)}, allowed=("other.example",))
    assert (await allowed.steps(local=file))[-1].settings is not None
    file.write_bytes(redirect_address_document("jane@other.example"))
    assert (await allowed.steps(local=file))[-1].settings is not None


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"<html/>", "no document"),
        (b"<" * (1 << 17), "more than"),
        (error_document(ErrorCode.NOT_FOUND, "no", NOW), "error 500: no"),
        (None, "No such file"),
    ],
)
async def test_a_file_that_is_no_answer_is_a_cause(tmp_path: Path, content: bytes | None, cause: str) -> None:
    file = tmp_path / "autodiscover.xml"
    if content is not None:
        file.write_bytes(content)
    assert cause in (await World({}).steps(local=file))[-1].outcome

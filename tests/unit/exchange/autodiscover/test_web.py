"""Autodiscover's paths: in any case, bounded, and nothing for whoever is not known."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from rpch.auth.schemes import Scheme
from rpch.errors import TransportError
from rpch.exchange.autodiscover.asking import Asking
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT
from rpch.exchange.autodiscover.pox_request import PoxRequest
from rpch.exchange.autodiscover.service import Autodiscover
from rpch.exchange.autodiscover.web import autodiscover_routes
from tests.unit.exchange.autodiscover.conftest import ALICE, Office

BODY = PoxRequest("alice@lab.example").encode()
KNOWN = [(b"x-user", b"alice")]


async def authenticate(request: Request) -> Asking | Response:
    if request.headers.get("x-user") != "alice":
        return Response(status_code=401)
    return Asking(ALICE, "10.0.0.1", (("X-Proof", "yes"),), frozenset({Scheme.NEGOTIATE, Scheme.BASIC}))


async def asked(
    office: Office,
    path: str,
    *chunks: bytes,
    method: str = "POST",
    query: bytes = b"",
    headers: list[tuple[bytes, bytes]] = KNOWN,
    gone: bool = False,
    away: bool = False,
) -> tuple[int, dict[bytes, bytes], bytes]:
    """What the routes answer, by their own interface."""
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    last: dict[str, Any] = {"type": "http.disconnect"} if gone else {"type": "http.request", "body": b""}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else last

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "scheme": "https",
        "path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("10.0.0.1", 1),
        "server": None,
    }

    def service() -> Autodiscover:
        if away:
            raise TransportError("database secret-host is away")
        return office.service

    app = Starlette(routes=autodiscover_routes(service, authenticate))
    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent[1:])


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/AutoDiscover/AUTODISCOVER.XML"])
async def test_settings_come_in_any_case_of_the_path_and_any_cut_of_the_body(
    office: Office, path: str
) -> None:
    status, headers, body = await asked(office, path, BODY[:9], BODY[9:])
    assert status == 200
    assert headers[b"content-type"] == b"text/xml; charset=utf-8"
    assert headers[b"x-proof"] == b"yes"
    assert headers[b"cache-control"] == b"private, no-store"
    assert b"<DisplayName>Alice Adams</DisplayName>" in body


async def test_whoever_is_not_known_gets_nothing(office: Office) -> None:
    status, _, body = await asked(office, "/autodiscover/autodiscover.xml", BODY, headers=[])
    assert (status, body) == (401, b"")


async def test_a_get_without_a_body_is_a_bad_request_of_autodiscover(office: Office) -> None:
    status, _, body = await asked(office, "/autodiscover/autodiscover.xml", method="GET")
    assert status == 200
    assert b"<ErrorCode>600</ErrorCode>" in body


async def test_too_much_is_refused_announced_or_not(office: Office) -> None:
    announced = [*KNOWN, (b"content-length", b"9999999999999999999999999")]
    assert (await asked(office, "/autodiscover/autodiscover.xml", headers=announced))[0] == 413
    chunks = [b"x" * 1024] * (SIZE_LIMIT // 1024 + 1)
    assert (await asked(office, "/autodiscover/autodiscover.xml", *chunks))[0] == 413


async def test_a_client_that_goes_is_no_failure(office: Office) -> None:
    status, _, _ = await asked(office, "/autodiscover/autodiscover.xml", BODY[:9], gone=True)
    assert status == 413


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/Autodiscover/Autodiscover.json/v1.0/a@b.c", b"Protocol=AutodiscoverV1", 200),
        ("/autodiscover/autodiscover.json", b"Email=a@b.c&Protocol=autodiscoverv1&RedirectCount=1", 200),
        ("/autodiscover/autodiscover.json", b"Protocol=AutodiscoverV1", 400),
    ],
)
async def test_version_2_asks_nobody_for_credentials(
    office: Office, path: str, query: bytes, status: int
) -> None:
    told, headers, body = await asked(office, path, method="GET", query=query, headers=[])
    assert told == status
    assert headers[b"content-type"].startswith(b"application/json")
    assert (b"https://mail.lab.example/autodiscover/autodiscover.xml" in body) is (status == 200)


@pytest.mark.parametrize(
    "path", ["/autodiscover/autodiscover.xml", "/autodiscover/autodiscover.json/v1.0/a@b.c"]
)
async def test_a_directory_that_is_away_is_no_answer_of_autodiscover(office: Office, path: str) -> None:
    status, _, body = await asked(office, path, method="GET", query=b"Protocol=Ews", away=True)
    assert status == 503
    assert b"secret" not in body


async def test_the_method_is_one_that_the_way_in_offers(office: Office) -> None:
    path = "/autodiscover/autodiscover.xml"
    assert b"<AuthPackage>Basic</AuthPackage>" in (await asked(office, path, BODY))[2]
    knows = [*KNOWN, (b"x-clientcanhandle", b"Negotiate")]
    assert b"<AuthPackage>Negotiate</AuthPackage>" in (await asked(office, path, BODY, headers=knows))[2]

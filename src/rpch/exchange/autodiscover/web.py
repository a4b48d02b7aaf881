"""Autodiscover's paths in a web application. Clients write them in any case.

Who asks is said by whoever mounts this: `Authenticate` gives an identity, or the answer to send instead.
Nothing of a body is read before that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from rpch.errors import TransportError
from rpch.exchange.autodiscover.asking import Authenticate
from rpch.exchange.autodiscover.hostile_xml import SIZE_LIMIT
from rpch.exchange.autodiscover.json_answer import json_answer
from rpch.exchange.autodiscover.pox_answer import MEDIA_TYPE
from rpch.exchange.autodiscover.pox_request import Abilities
from rpch.exchange.autodiscover.service import Autodiscover

log = structlog.get_logger("rpch.autodiscover")

POX_PATH: Final = "/autodiscover/autodiscover.xml"
JSON_PATH: Final = "/autodiscover/autodiscover.json"


def autodiscover_routes(service: Callable[[], Autodiscover], authenticate: Authenticate) -> list[Route]:
    """What to mount. `service` is asked anew for each request."""

    async def pox(request: Request) -> Response:
        asking = await authenticate(request)
        if isinstance(asking, Response):
            return asking
        body = await _body(request)
        if body is None:
            return Response("too large\n", 413, {"Connection": "close"}, "text/plain")
        try:
            answer = await service().answer(asking, body, Abilities.read(request.headers))
        except TransportError as error:
            return _away(error)
        return _answer(answer, MEDIA_TYPE, 200, asking.headers)

    async def v2(request: Request) -> Response:
        address = str(request.path_params.get("address", ""))
        try:
            urls = await service().urls()
        except TransportError as error:
            return _away(error)
        status, body = json_answer(address, request.query_params, urls)
        return _answer(body, "application/json; charset=utf-8", status)

    return _in_any_case(
        [
            Route(POX_PATH, pox, methods=["GET", "POST"]),
            Route(JSON_PATH, v2, methods=["GET"]),
            Route(JSON_PATH + "/v1.0/{address}", v2, methods=["GET"]),
        ]
    )


def _in_any_case(routes: list[Route]) -> list[Route]:
    for route in routes:
        route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return routes


def _away(error: TransportError) -> Response:
    """What is the matter may say where the database is, which is for us alone."""
    log.warning("the directory cannot be asked", why=str(error))
    return PlainTextResponse("unavailable\n", 503)


def _answer(body: bytes, kind: str, status: int, headers: Sequence[tuple[str, str]] = ()) -> Response:
    answer = Response(body, status, media_type=kind)
    answer.headers["Cache-Control"] = "private, no-store"
    for name, value in headers:
        answer.headers.append(name, value)
    return answer


async def _body(request: Request) -> bytes | None:
    """The whole body; None when it is larger than any request of this kind."""
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > SIZE_LIMIT:
        return None
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > SIZE_LIMIT:
                return None
    except ClientDisconnect:
        return None
    return body

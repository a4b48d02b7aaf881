"""The web application beside the RPC proxy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy

NOT_SERVED: Final = "Autodiscover is not served here.\r\n"


def web_application(proxy: RpcProxy, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """What is served to requests that are not the proxy's. `routes` are those of whatever else runs here."""

    async def health(request: Request) -> JSONResponse:
        """For load balancers: whether this process takes new connections."""
        status = {"status": "draining" if proxy.draining else "ok", "channels": len(proxy.drivers)}
        return JSONResponse(status, status_code=503 if proxy.draining else 200)

    return Starlette(routes=[Route("/healthz", health), *routes])


def autodiscover_of(proxy: RpcProxy, settings: ProxyConfiguration, listen: str) -> list[Route]:
    """What a proxy serves at Autodiscover's paths: that, or that it is not here."""
    if not settings.autodiscover:
        return [_elsewhere()]
    from rpch.front.autodiscover import public_address_of, routes_for  # the database library loads slowly

    return routes_for(proxy, public_address_of(settings, listen), foreign=True)


def _elsewhere() -> Route:
    """Says clearly, and without asking for credentials, that a client must look elsewhere."""

    async def nothing(request: Request) -> Response:
        return PlainTextResponse(NOT_SERVED, 404)

    route = Route("/autodiscover/{rest:path}", nothing, methods=["GET", "POST"])
    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return route

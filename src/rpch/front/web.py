"""The web application beside the RPC proxy."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from rpch.proxy.service import RpcProxy


def web_application(proxy: RpcProxy, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """What is served to requests that are not the proxy's. `routes` are those of whatever else runs here."""

    async def health(request: Request) -> JSONResponse:
        """For load balancers: whether this process takes new connections."""
        status = {"status": "draining" if proxy.draining else "ok", "channels": len(proxy.drivers)}
        return JSONResponse(status, status_code=503 if proxy.draining else 200)

    return Starlette(routes=[Route("/healthz", health), *routes])

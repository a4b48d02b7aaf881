"""Autodiscover of the laboratory: for its users, at the address where it listens."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from starlette.routing import Route

from rpch.directory.opening import Directory
from rpch.exchange.autodiscover.service import Autodiscover
from rpch.exchange.autodiscover.web import autodiscover_routes
from rpch.exchange.server_names import ServerNames
from rpch.front.web_authentication import WebAuthenticator
from rpch.proxy.service import RpcProxy


def lab_routes(proxy: RpcProxy, directory: Directory, listen: str) -> list[Route]:
    """What the laboratory's web application serves besides its health."""
    names = ServerNames(socket.gethostname().lower())
    service = Autodiscover(directory.database, names, public=public_address(listen))
    return autodiscover_routes(service, WebAuthenticator(proxy))


def public_address(listen: str) -> str:
    """How clients reach a listener by a name in its certificate: `localhost:8443`."""
    host, _, port = listen.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
        name = "localhost" if address.is_loopback else socket.gethostname().lower()
    except ValueError:
        name = host
    return name if port == "443" else f"{name}:{port}"

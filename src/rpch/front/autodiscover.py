"""Autodiscover beside an RPC proxy: for the users of its database, who are asked as the proxy asks them."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from starlette.routing import Route

from rpch.errors import TransportError
from rpch.exchange.autodiscover.service import Autodiscover
from rpch.exchange.autodiscover.web import autodiscover_routes
from rpch.exchange.server_names import ServerNames
from rpch.front.databases import database_of
from rpch.front.web_authentication import WebAuthenticator
from rpch.proxy.certificates import certificate_names
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy


def routes_for(proxy: RpcProxy, public: str, *, foreign: bool = False) -> list[Route]:
    """What to mount. `public` is how clients reach the proxy: its host, with its port unless that is 443.

    `foreign` says that mailboxes are at servers of others, behind the proxy.
    """
    names = ServerNames(socket.gethostname().lower())

    def service() -> Autodiscover:
        database = database_of(proxy)
        if database is None:
            raise TransportError("the accounts are in no database of ours any more")
        return Autodiscover(database, names, public=public, foreign=foreign)

    return autodiscover_routes(service, WebAuthenticator(proxy))


def public_address(listen: str) -> str:
    """How clients reach a listener by a name that it has by itself: `localhost:8443`."""
    host, _, port = listen.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
        name = "localhost" if address.is_loopback else socket.gethostname().lower()
    except ValueError:
        name = host
    return _with_port(name, port)


def public_address_of(settings: ProxyConfiguration, listen: str) -> str:
    """How clients reach a proxy: by the name that is set for it, else by that of its certificate.

    A relay before a listener without TLS takes clients on the usual port.
    """
    named = certificate_names(settings.tls_cert) if settings.tls_cert else []
    hosts = [name for name in (settings.public_name, *named) if name and not name.startswith("*")]
    name = hosts[0] if hosts else socket.getfqdn()
    return name if settings.no_tls else _with_port(name, listen.rpartition(":")[2])


def _with_port(name: str, port: str) -> str:
    return name if port == "443" else f"{name}:{port}"

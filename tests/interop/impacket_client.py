"""impacket as the client: over TCP, and over HTTP through a proxy.

What impacket does to know: its lookups and maps bind the connection they are given, so hand them one that is
connected and not yet bound; it knows no flow control for what it sends, and no recycling.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_WINNT
from impacket.http import AUTH_BASIC

PACKETS_SIGNED, PACKETS_SEALED = 5, 6


@contextmanager
def over_tcp(
    host: str, port: int, *, user: str | None = None, password: str = "", domain: str = "LAB", level: int = 0
) -> Iterator[Any]:
    """An association that is connected and not bound. With a level its bind does NTLM."""
    carrier = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{host}[{port}]")
    if user is not None:
        carrier.set_credentials(user, password, domain)
    association = carrier.get_dce_rpc()
    if level:
        association.set_auth_type(RPC_C_AUTHN_WINNT)
        association.set_auth_level(level)
    association.connect()
    try:
        yield association
    finally:
        association.disconnect()


@contextmanager
def over_http(
    proxy_url: str,
    server: str,
    port: int,
    *,
    user: str,
    password: str,
    domain: str = "LAB",
    level: int = 0,
    scheme: str = AUTH_BASIC,
) -> Iterator[Any]:
    """The same through an RPC proxy at `http(s)://host:port`, by Basic or NTLM. The proxy knows `server`."""
    carrier = transport.DCERPCTransportFactory(f"ncacn_http:{server}[{port}]")
    # A string binding would do, but impacket takes only the proxy ports 80 and 443 there.
    carrier.set_rpc_proxy_url(f"{proxy_url}/rpc/rpcproxy.dll?{server}:{port}")
    carrier.set_credentials(user, password, domain)
    carrier.set_auth_type(scheme)
    association = carrier.get_dce_rpc()
    if level:
        association.set_credentials(user, password, domain)  # those of the carrier are for HTTP alone
        association.set_auth_type(RPC_C_AUTHN_WINNT)
        association.set_auth_level(level)
    association.connect()
    try:
        yield association
    finally:
        association.disconnect()

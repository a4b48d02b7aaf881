"""Our proxy and our bridge between other people's programs."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.interop.rpch_commands import Served, serving
from tests.interop.samba_client import http_binding

SERVER, PORT = "backend", 593


@dataclass(frozen=True)
class Account:
    """Who may use the proxy."""

    domain: str = "LAB"
    user: str = "alice"
    password: str = "Passw0rd!"


ALICE = Account()


@dataclass(frozen=True)
class Proxied:
    """A running proxy, and the name by which it knows its target."""

    proxy: Served
    bridge: Served
    tls: bool
    ca: Path
    server: str = SERVER
    port: int = PORT

    @property
    def url(self) -> str:
        """The proxy's address, as impacket takes it."""
        return f"{'https' if self.tls else 'http'}://{self.proxy.address}"

    def samba_binding(self, options: str = "") -> str:
        """The target through the proxy, as Samba's client takes it."""
        return http_binding(self.server, self.port, proxy=self.proxy.address, tls=self.tls, options=options)

    def binding(self) -> str:
        """The target through the proxy, as our own client takes it."""
        return f"ncacn_http:{self.server}[{self.port},RpcProxy={self.proxy.address}]"


class Authority:
    """An authority of certificates for one run of the tests, with one certificate for loopback."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.leaf = authority.issue_cert("127.0.0.1", "localhost")
        self.ca, self.certificate, self.key = folder / "ca.pem", folder / "proxy.crt", folder / "proxy.key"
        authority.cert_pem.write_to_path(self.ca)
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in self.leaf.cert_chain_pems))
        self.key.write_bytes(self.leaf.private_key_pem.bytes())


@contextmanager
def proxied(
    folder: Path,
    authority: Authority,
    routes: Mapping[str, str],
    *,
    tls: bool = True,
    workers: int = 1,
    account: Account = ALICE,
) -> Iterator[Served]:
    """`rpch proxy` for one account and these targets: `name:port` to the address where it is."""
    carriage = ["--tls-cert", authority.certificate, "--tls-key", authority.key] if tls else ["--no-tls"]
    known = [argument for target, place in routes.items() for argument in ("--route", f"{target}={place}")]
    with serving(
        folder,
        "proxy",
        *("--listen", "127.0.0.1:0", *carriage, "--workers", str(workers)),
        *("--user", f"{account.domain}\\{account.user}:{account.password}"),
        *("--valid-ports", ";".join(routes), *known),
    ) as proxy:
        yield proxy


@contextmanager
def bridged(folder: Path, back_end: str) -> Iterator[Served]:
    """`rpch bridge` before a back end that knows only TCP, at `host:port`."""
    with serving(folder, "bridge", "--listen", "127.0.0.1:0", "--to", back_end) as bridge:
        yield bridge


@contextmanager
def reached_over_http(
    folder: Path, authority: Authority, back_end: str, *, tls: bool = True, workers: int = 1
) -> Iterator[Proxied]:
    """A back end that knows only TCP, behind our bridge and our proxy."""
    with ExitStack() as started:
        bridge = started.enter_context(bridged(folder, back_end))
        routes = {f"{SERVER}:{PORT}": bridge.address}
        proxy = started.enter_context(proxied(folder, authority, routes, tls=tls, workers=workers))
        yield Proxied(proxy, bridge, tls, authority.ca)

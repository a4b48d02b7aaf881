"""The peers, each started when the first test asks for it."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.book_laboratory import BookLaboratory, book_laboratory
from tests.interop.impacket_server import impacket_serving
from tests.interop.kdc import Kdc, kdc_serving
from tests.interop.laboratory import Laboratory, laboratory
from tests.interop.relays import Authority
from tests.interop.rpc_server import RpcServerProgram, rpc_server
from tests.interop.samba_server import SambaServer, samba_serving

HERE = Path(__file__).parent

# impacket makes its TLS contexts in a way that Python calls outdated, and leaves sockets to the collector.
TOLERATED = ("ignore::DeprecationWarning:impacket", "ignore::ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks everything in this folder: it needs programs that `make interop` installs."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.interop)
            for warning in TOLERATED:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Has impacket's sockets collected while what they say is still tolerated."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certificates for our proxies and for the relays before them."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def samba_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaServer]:
    """Samba's RPC server on a private address of loopback: its mapper on port 135, its registry elsewhere."""
    with samba_serving(tmp_path_factory.mktemp("samba")) as server:
        yield server


@pytest.fixture(scope="session")
def impacket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of impacket's server, which offers the echo interface. One connection at a time."""
    with impacket_serving(tmp_path_factory.mktemp("impacket")) as port:
        yield port


@pytest.fixture(scope="session")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    """A realm of Kerberos, with tickets for our services."""
    with kdc_serving(tmp_path_factory.mktemp("kdc")) as running:
        yield running


@pytest.fixture(scope="session")
def rpc_server_program(kdc: Kdc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RpcServerProgram]:
    """Our own RPC server on well-known ports of a private address, with accounts of its own."""
    with rpc_server(tmp_path_factory.mktemp("rpc-server"), kdc=kdc) as running:
        yield running


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """`rpch up`."""
    with laboratory(tmp_path_factory.mktemp("up")) as running:
        yield running


@pytest.fixture(scope="session")
def book_lab(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[BookLaboratory]:
    """`rpch up` with many people in its book, on port 443 of a private address."""
    with book_laboratory(tmp_path_factory.mktemp("book"), authority) as running:
        yield running

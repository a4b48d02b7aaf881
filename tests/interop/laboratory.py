"""`rpch up` as the back end of a test: a mapper, its management interface and the demo interface."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.rpch_commands import Served, serving

DEMO = ("0246c2a2-f79c-4ad9-a505-be0992dd35f6", "1.0")
ADD, SOURCE, WHO_AM_I = 1, 3, 8


@dataclass(frozen=True)
class Laboratory:
    """A running `rpch up`, as its ready line describes it."""

    served: Served

    @property
    def url(self) -> str:
        """The proxy's address, as impacket takes it."""
        return f"https://{self.served.address}"

    @property
    def ca(self) -> Path:
        """The authority behind the proxy's certificate."""
        return Path(self.served.ready["ca"])

    @property
    def account(self) -> tuple[str, str, str]:
        """The first user: domain, name and password."""
        first = self.served.ready["users"][0]
        domain, _, name = first["name"].rpartition("\\")
        return domain, name, first["password"]

    def place(self, service: str) -> str:
        """Where a service really listens, for routes of other proxies."""
        return f"127.0.0.1:{self.served.ready['ports'][service]}"


@contextmanager
def laboratory(folder: Path, *options: str) -> Iterator[Laboratory]:
    """`rpch up` on ports that the system chooses."""
    with serving(folder, "up", "--listen", "127.0.0.1:0", "--data", folder / "data", *options) as served:
        yield Laboratory(served)

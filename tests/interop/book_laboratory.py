"""`rpch up` with a book of some size, where impacket's own programs reach it: they dial port 443 only.

Extended protection is asked only of those who offer it, for impacket cannot. In front of it is another proxy,
which offers Basic alone: `rpcmap.py` takes the best that it is offered, and cannot be told otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rpch.directory.database import DEFAULT_FILE
from rpch.directory.entries import Entry, EntryKind, NewEntry
from rpch.directory.links import MEMBER
from rpch.front.lab import MAIL_DOMAIN, lab_directory, lab_users
from tests.interop.laboratory import Laboratory
from tests.interop.processes import private_address, run_once
from tests.interop.relays import Authority
from tests.interop.rpch_commands import Served, serving

HTTPS: Final = 443
SERVICES: Final[Mapping[int, str]] = {593: "mapper", 6001: "demo", 6002: "referral", 6004: "directory"}
PEOPLE: Final = 120  # with the laboratory's own more than two pages of impacket's
PHOTO: Final = b"\xff\xd8\xff\xe0 a face \xff\xd9"
CERTIFICATES: Final = (b"0\x82 certificate one", b"0\x82 certificate two")


@dataclass(frozen=True)
class BookLaboratory:
    """The running system, and what is in its book."""

    lab: Laboratory
    basic: Served
    entries: Mapping[str, Entry]

    def exchanger(self, scheme: str, *arguments: str, debug: bool = False) -> str:
        """What impacket's `exchanger.py nspi …` prints, by Basic or NTLM; its calls it seals by NTLM.

        NTLM tells it what the server is called; with Basic it has to be told.
        """
        domain, user, password = self.lab.account
        place = self.lab.served.address.rpartition(":")[0]
        options = ["-basic", "-rpc-hostname", "localhost"] if scheme == "Basic" else []
        options += ["-debug"] if debug else []
        return _run("exchanger.py", *options, f"{domain}/{user}:{password}@{place}", "nspi", *arguments)

    def rpcmap(self, scheme: str, port: int, *arguments: str, rpc_password: str | None = None) -> str:
        """What impacket's `rpcmap.py` prints of a service behind the proxy."""
        domain, user, password = self.lab.account
        place = (self.basic if scheme == "Basic" else self.lab.served).address
        binding = f"ncacn_http:localhost[{port},RpcProxy={place}]"
        who = ("-auth-transport", f"{domain}/{user}:{password}")
        rpc = ("-auth-rpc", f"{domain}/{user}:{password if rpc_password is None else rpc_password}")
        return _run("rpcmap.py", *who, *rpc, *arguments, binding)


def _run(program: str, *arguments: str) -> str:
    """One of impacket's programs, which lie beside our interpreter."""
    return run_once([sys.executable, Path(sys.executable).with_name(program), *arguments])


@contextmanager
def book_laboratory(folder: Path, authority: Authority) -> Iterator[BookLaboratory]:
    """Fill a book, and serve it."""
    data = folder / "data"
    entries = _fill(data)
    at = f"{private_address(HTTPS)}:{HTTPS}"
    with (
        serving(folder, "up", "--listen", at, "--data", data, "--extended-protection", "allow") as up,
        _basic(folder, Laboratory(up), authority, data) as basic,
    ):
        yield BookLaboratory(Laboratory(up), basic, entries)


@contextmanager
def _basic(folder: Path, lab: Laboratory, authority: Authority, data: Path) -> Iterator[Served]:
    """A proxy before the laboratory's services that offers Basic and nothing else."""
    routes = [f"*:{port}={lab.place(service)}" for port, service in SERVICES.items()]
    with serving(
        folder,
        "proxy",
        *("--listen", f"{private_address(HTTPS)}:{HTTPS}", "--public-name", "localhost"),
        *("--tls-cert", authority.certificate, "--tls-key", authority.key),
        *("--database", f"sqlite:///{data / DEFAULT_FILE}", "--auth", "Basic"),
        *("--valid-ports", ";".join(f"localhost:{port}" for port in SERVICES)),
        *(argument for route in routes for argument in ("--route", route)),
    ) as proxy:
        yield proxy


def _fill(data: Path) -> dict[str, Entry]:
    """The laboratory's people and many more; the entries that tests ask for, by name."""
    with closing(lab_directory(data, lab_users(data))) as directory:
        entries, links = directory.entries, directory.links
        (region,) = entries.add(NewEntry(EntryKind.CONTAINER, "Region"))
        (office,) = entries.add(NewEntry(EntryKind.CONTAINER, "Office", parent_id=region.id))
        people = entries.add(*(_person(number, office.id) for number in range(PEOPLE)))
        entries.set_binary(people[0].id, "thumbnailPhoto", [PHOTO])
        entries.set_binary(people[0].id, "userCertificate", CERTIFICATES)
        (team,) = entries.add(NewEntry(EntryKind.GROUP, "Night Shift", alias="night"))
        links.add(team.id, MEMBER, people[0].id, people[1].id)
        users = {name: entries.named(name)[0] for name in ("alice", "bob", "carol", "dave")}
        named = {"region": region, "office": office, "team": team, "first": people[0], "last": people[-1]}
        return {**users, **named, "second": people[1]}


def _person(number: int, parent: int) -> NewEntry:
    return NewEntry(
        EntryKind.CONTACT,
        f"Zoë Person {number:03}",
        alias=f"person{number}",
        mail=f"person{number}@{MAIL_DOMAIN}",
        attributes={"givenName": "Zoë", "sn": f"Person {number:03}", "description": ["one", "日本"]},
        parent_id=parent,
    )

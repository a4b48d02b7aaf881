"""The whole system on one machine, to try it: `rpch up`.

A proxy, and behind it an endpoint mapper, a demo interface, the referral and the address book; accounts and a
certificate authority of its own. The services listen on loopback ports that the system chooses; a route table
leads the names and ports that clients know to them.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import msgspec

from rpch.auth.accounts import AccountSource, Identity
from rpch.auth.kerberos import KerberosSettings
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.throttle import Throttle
from rpch.dcerpc.interface import interface_of
from rpch.dcerpc.pdus import AuthLevel
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.directory.database import DEFAULT_FILE
from rpch.directory.foreign_accounts import accounts_beside
from rpch.directory.opening import Directory
from rpch.exchange.nspi.address_book import AddressBookService
from rpch.exchange.nspi.service import NspiService
from rpch.exchange.rfr.service import ReferralService
from rpch.exchange.server_names import ServerNames
from rpch.front.authority import Certificates, certificates_in
from rpch.front.lab_people import fill_book
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.target_syntax import ANY_MAILBOX
from rpch.server.demo import Demo
from rpch.server.mapper import Mapper
from rpch.server.registrations import Registration, Registrations
from rpch.server.runtime import RpcServer
from rpch.server.security import RpcAuthenticator

DOMAIN: Final = "LAB"
MAIL_DOMAIN: Final = "lab.example"
NAMES: Final = ("alice", "bob", "carol", "dave")
LOOPBACK: Final = "127.0.0.1"
DEMO_PORT: Final = 6001
REFERRAL_PORT: Final = 6002
DIRECTORY_PORT: Final = 6004
MAPPER_PORT: Final = 593
CHANGED: Final = "(changed)"
GRACE: Final = 1.0  # seconds for connections at the end, where no file says otherwise


@dataclass(frozen=True, slots=True)
class LabUser:
    """One account of the laboratory."""

    name: str
    password: str
    address: str


@dataclass(frozen=True, slots=True)
class LabServices:
    """Where the services listen: by name, their real ports."""

    ports: dict[str, int]
    routes: list[str]
    valid_ports: str
    book: AddressBookService


def lab_users(folder: Path) -> list[LabUser]:
    """The users of this folder, made once with passwords of their own, which only their owner can read."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "users.json"
    if not file.exists():
        made = {name: secrets.token_urlsafe(12) for name in NAMES}
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            json.dump(made, target, indent=1)
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return [
        LabUser(f"{DOMAIN}\\{name}", password, f"{name}@{MAIL_DOMAIN}") for name, password in known.items()
    ]


def lab_names(host: str) -> list[str]:
    """The names a client may use for this machine."""
    return list(dict.fromkeys(["localhost", LOOPBACK, "::1", socket.gethostname().lower(), host]))


def lab_certificates(folder: Path, host: str) -> Certificates:
    """The laboratory's authority and its server certificate."""
    return certificates_in(folder, lab_names(host))


def lab_database(folder: Path) -> str:
    """The database of this folder, as `rpch users` finds it by itself."""
    return str(folder / DEFAULT_FILE)


def lab_directory(folder: Path, users: list[LabUser]) -> Directory:
    """The directory of this folder. Users are entered when it is made; what becomes of them later holds."""
    directory = Directory.open(lab_database(folder))
    if not directory.entries.revision():
        for user in users:
            who, shown = _identity(user), _identity(user).name.title()
            directory.store.add(who, user.password, display_name=shown, mail=user.address, ntlm=True)
        directory.store.add_domain_alias(MAIL_DOMAIN, DOMAIN)
        fill_book(directory, MAIL_DOMAIN)
    return directory


def as_they_are(users: list[LabUser], directory: Directory) -> list[LabUser]:
    """The users who can still sign in. A password that was changed is not known here."""
    accounts = {account.identity: account for account in directory.store.list() if account.enabled}
    found = [(user, accounts[_identity(user)]) for user in users if _identity(user) in accounts]
    return [
        user if account.password_changed == account.created else replace(user, password=CHANGED)
        for user, account in found
    ]


def _identity(user: LabUser) -> Identity:
    domain, _, name = user.name.partition("\\")
    return Identity(name, domain)


def lab_accounts(directory: Directory, wished: ProxyConfiguration) -> AccountSource:
    """Who may sign in: the users of the folder, or those of the LDAP server or domain that is wished."""
    elsewhere = wished.places.elsewhere()
    return directory.accounts if elsewhere is None else accounts_beside(elsewhere, directory.accounts)


def lab_security(
    accounts: AccountSource, throttle: Throttle, kerberos: KerberosSettings | None = None
) -> RpcAuthenticator:
    """How the laboratory's own server authenticates: the same users prove it to the server, too.

    Guesses count wherever they are made: a client that is refused by the proxy is refused here, too.
    """
    ntlm = NtlmSettings.standalone(socket.gethostname(), domain=DOMAIN)
    return RpcAuthenticator(accounts, ntlm=ntlm, throttle=throttle, kerberos=kerberos)


async def start_services(
    server: RpcServer, directory: Directory, *, encryption_required: bool = False
) -> LabServices:
    """Mapper, demo interface, referral and address book, and the routes that lead to them.

    A client may take one connection for everything, so every port but the mapper's offers everything. Over
    HTTP the proxy knows who calls; over TCP callers prove it to the server. With `encryption_required` they
    prove it to the server on both ways, and the proxy can read nothing.
    """
    registrations = Registrations()
    mapper, demo = Mapper(registrations), Demo()
    names = ServerNames(socket.gethostname().lower())
    book = AddressBookService(directory.database, names)
    await book.load()  # of a large directory no client shall wait for it
    http, tcp = ProtocolSequence.NCACN_HTTP, ProtocolSequence.NCACN_IP_TCP
    over_http = [demo, ReferralService(directory.database, names), NspiService(book, strangers=True)]
    over_tcp = [demo, ReferralService(directory.database, names, by_mailbox=False), NspiService(book)]
    ports = {
        "mapper": await server.listen(http, LOOPBACK, 0, [mapper]),
        "mapper_tcp": await server.listen(tcp, LOOPBACK, 0, [mapper]),
    }
    level = AuthLevel.PKT_PRIVACY if encryption_required else AuthLevel.NONE
    for at, name in enumerate(("demo", "referral", "directory")):
        ports[name] = await server.listen(http, LOOPBACK, 0, over_http, minimum_level=level)
        ports[f"{name}_tcp"] = await server.listen(tcp, LOOPBACK, 0, over_tcp, minimum_level=level)
        syntax, here = interface_of(over_http[at]).syntax, IPv4Address(LOOPBACK)
        registrations.insert(Registration(syntax, http, ports[name], f"rpch {name}", address=here))
        registrations.insert(Registration(syntax, tcp, ports[f"{name}_tcp"], f"rpch {name}", address=here))
    return _reachable(ports, book)


def _reachable(ports: dict[str, int], book: AddressBookService) -> LabServices:
    """How the proxy leads from the names and ports that clients know to the services."""
    known = {
        MAPPER_PORT: ports["mapper"],
        DEMO_PORT: ports["demo"],
        REFERRAL_PORT: ports["referral"],
        DIRECTORY_PORT: ports["directory"],
    }
    routes = [f"*:{wanted}={LOOPBACK}:{real}" for wanted, real in known.items()]
    routes += [f"*:{real}={LOOPBACK}:{real}" for real in known.values()]
    names = [name for name in lab_names(LOOPBACK) if ":" not in name]
    allowed = [f"{name}:{port}" for name in names for port in (*known, *known.values())]
    allowed += [f"{ANY_MAILBOX}{MAIL_DOMAIN}:{port}" for port in known if port != MAPPER_PORT]
    return LabServices(ports, routes, ";".join(allowed), book)


def lab_proxy(
    listen: str,
    folder: Path,
    services: LabServices,
    certificates: Certificates,
    wished: ProxyConfiguration | None = None,
) -> ProxyConfiguration:
    """The proxy in front of the laboratory's services: as is `wished`, but at its address, for its accounts
    and with its targets."""
    return msgspec.structs.replace(
        wished or ProxyConfiguration(grace=GRACE),
        listen=listen,
        tls_cert=certificates.certificate,
        tls_key=certificates.key,
        database=lab_database(folder),
        valid_ports=services.valid_ports,
        route=services.routes,
    )

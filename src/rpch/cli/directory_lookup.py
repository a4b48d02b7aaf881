"""`rpch directory lookup`: whom a name means, asked of a server as a client asks it, or of the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from rpch.aio.event_loop import run
from rpch.aio.tls import client_context
from rpch.cli.logs import configure_logs
from rpch.cli.output import print_event, print_table, warn
from rpch.cli.passwords import USER_HELP, name_and_password
from rpch.cli.shared_options import DATA, Data, Json, Url, opened_database
from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.dcerpc.pdus import AuthLevel, AuthType
from rpch.directory.database import Database
from rpch.directory.entries import EntryKind
from rpch.directory.links import MEMBER
from rpch.exchange.nspi.book.containers import GLOBAL_LIST
from rpch.exchange.nspi.book.keeper import BookKeeper
from rpch.exchange.nspi.book.linkage import LinkProperty
from rpch.exchange.nspi.book.objects import ObjectType
from rpch.exchange.nspi.client import AddressBook, Properties, open_address_book, properties
from rpch.exchange.nspi.conditions import Compares, Relation
from rpch.exchange.nspi.operations.asking import page_numbered
from rpch.exchange.nspi.operations.resolution import Resolution, Resolver, ambiguous
from rpch.exchange.nspi.operations.rows import Rows
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Status
from rpch.exchange.rfr.client import address_book_server
from rpch.exchange.server_names import ServerNames
from rpch.probe.rpcping import parse_level, parse_package

REFERRAL_PORT: Final = 6002
DIRECTORY_PORT: Final = 6004
MOST: Final = 50
MOST_MEMBERS: Final = 5000
WESTERN: Final = 1252

_SHOWN: Final = {
    Tag.DISPLAY_NAME: "name",
    Tag.SMTP_ADDRESS: "mail",
    Tag.TITLE: "title",
    Tag.DEPARTMENT_NAME: "department",
    Tag.COMPANY_NAME: "company",
    Tag.OFFICE_LOCATION: "office",
    Tag.BUSINESS_TELEPHONE: "telephone",
    Tag.MOBILE_TELEPHONE: "mobile",
}
_CARD: Final = _SHOWN | {
    Tag.ACCOUNT: "alias",
    Tag.HOME_TELEPHONE: "home",
    Tag.PRIMARY_FAX: "fax",
    Tag.STREET_ADDRESS: "street",
    Tag.POSTAL_CODE: "postcode",
    Tag.LOCALITY: "city",
    Tag.STATE: "state",
    Tag.COUNTRY: "country",
    Tag.MANAGER_NAME: "manager",
    Tag.COMMENT: "notes",
    Tag.PROXY_ADDRESSES: "addresses",
}
_ASKED: Final = [*_CARD, Tag.OBJECT_TYPE, Tag.EMAIL_ADDRESS, Tag.INSTANCE_KEY]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one name came to: whom it means, or whom it may mean, and the members if they are a group."""

    name: str
    resolution: Resolution
    rows: Sequence[Properties] = ()
    members: Sequence[Properties] | None = None


class Via(StrEnum):
    """Where a name is looked up."""

    DATABASE = "database"
    RPCHTTP = "rpchttp"
    TCP = "tcp"


def lookup(
    names: Annotated[list[str], typer.Argument(help="Names, aliases, addresses, or =exactly one of them.")],
    via: Annotated[Via, typer.Option(help="Ask a server, or the database itself.")] = Via.DATABASE,
    server: Annotated[
        str | None, typer.Option(help="The server; default: this machine. host:port for tcp.")
    ] = None,
    proxy: Annotated[str, typer.Option(help="The RPC proxy, host:port, for rpchttp.")] = "localhost:443",
    user: Annotated[str | None, typer.Option(help=USER_HELP)] = None,
    rpc_auth: Annotated[
        str | None, typer.Option(help="How --user is proven to the server: negotiate, ntlm or kerberos.")
    ] = None,
    rpc_level: Annotated[
        str | None, typer.Option(help="How calls are protected: connect, pkt, integrity or privacy.")
    ] = None,
    tls_ca: Annotated[Path | None, typer.Option(help="Authorities to trust, PEM.")] = None,
    members: Annotated[bool, typer.Option("--members", help="Show who is in a group.")] = False,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Say whom each name means. The exit status is 1 when one of them means nobody, or more than one.

    A server reached through a proxy is told who asks only with --rpc-auth or --rpc-level; the proxy always
    is. By Kerberos no password is needed where there is a ticket, and then no --user either.
    """
    configure_logs(json=json)
    if via is Via.DATABASE:
        with opened_database(data, database) as opened:
            found = _in_database(names, opened, members=members)
    else:
        who = _Who.parse(user, rpc_auth, rpc_level)
        place = _over_tcp(server, who) if via is Via.TCP else _over_http(server, proxy, who, tls_ca)
        found = run(_on_server(names, place, members=members))
    for each in found:
        _show(each, json=json)
    raise typer.Exit(0 if all(each.resolution is Resolution.RESOLVED for each in found) else 1)


@dataclass(frozen=True, slots=True)
class _Who:
    """As whom to ask, and how that is proven to the server itself."""

    name: str | None
    password: str = field(default="", repr=False)
    auth_type: AuthType | None = None
    level: AuthLevel | None = None

    @classmethod
    def parse(cls, text: str | None, rpc_auth: str | None, rpc_level: str | None) -> _Who:
        """`DOMAIN\\name:password`, or a name whose password is elsewhere."""
        auth_type = parse_package(rpc_auth, "--rpc-auth") if rpc_auth else None
        level = parse_level(rpc_level, "--rpc-level") if rpc_level else None
        known = name_and_password(text, may_have_ticket=auth_type is AuthType.KERBEROS)
        name, password = known or (None, "")
        return cls(name, password, auth_type, level)

    def to_the_server(self) -> dict[str, Any]:
        """What `connect` is told about it."""
        proof = {"auth_type": self.auth_type, "auth_level": self.level}
        return {"rpc_user": self.name, "rpc_password": self.password, **proof}


@asynccontextmanager
async def _over_http(
    server: str | None, proxy: str, who: _Who, authorities: Path | None
) -> AsyncIterator[RpcClient]:
    """As Outlook does it: the referral says which server has the address book."""
    tls = client_context(authorities)
    proof = who.to_the_server() if who.auth_type or who.level else {}

    def reach(name: str, port: int) -> AbstractAsyncContextManager[RpcClient]:
        binding = f"ncacn_http:{name}[{port},RpcProxy={proxy}]"
        return connect(binding, user=who.name, password=who.password, tls=tls, **proof)

    async with reach(server or "localhost", REFERRAL_PORT) as client:
        place = await address_book_server(client)
    async with reach(place, DIRECTORY_PORT) as client:
        yield client


@asynccontextmanager
async def _over_tcp(server: str | None, who: _Who) -> AsyncIterator[RpcClient]:
    """On the LAN: the endpoint mapper says where the address book is, and we prove who we are to it."""
    host, colon, port = (server or "localhost").rpartition(":")
    binding = f"ncacn_ip_tcp:{host}[{port}]" if colon else f"ncacn_ip_tcp:{port}"
    async with connect(binding, **who.to_the_server()) as client:
        yield client


async def _on_server(
    names: Sequence[str], place: AbstractAsyncContextManager[RpcClient], *, members: bool
) -> list[Answer]:
    async with place as client, open_address_book(client) as book:
        found = await book.resolve(names, _ASKED)
        answers = []
        for each in found:
            rows = [each.row] if each.row is not None else []
            if each.resolution is Resolution.AMBIGUOUS:
                rows = await _candidates(book, each.name)
            inside = await _members(book, rows) if members else None
            answers.append(Answer(each.name, each.resolution, rows, inside))
        return answers


async def _candidates(book: AddressBook, name: str) -> list[Properties]:
    """Whom a name may mean; nobody when they are too many to show."""
    try:
        return await book.matching(Compares(Relation.EQUAL, Tag.ANR, name), _ASKED, most=MOST)
    except Refused as refused:
        if refused.status is not Status.TABLE_TOO_BIG:
            raise
        return []


async def _members(book: AddressBook, rows: Sequence[Properties]) -> list[Properties] | None:
    """Who is in a group, if it is one."""
    if len(rows) != 1 or rows[0].get(Tag.OBJECT_TYPE) != ObjectType.DISTRIBUTION_LIST:
        return None
    return await book.named_by(_mid(rows[0]), Tag.MEMBER, _ASKED, most=MOST_MEMBERS)


def _mid(row: Properties) -> int:
    key = row.get(Tag.INSTANCE_KEY)
    return int.from_bytes(key, "little") if isinstance(key, bytes) else 0


def _in_database(names: Sequence[str], database: Database, *, members: bool) -> list[Answer]:
    keeper = BookKeeper(database, ServerNames("localhost"))
    book = keeper.current()
    rows = Rows(book, keeper, _ASKED, page_numbered(WESTERN))
    resolver = Resolver(book, GLOBAL_LIST)
    answers = []
    for name in names:
        resolution, mid = resolver.resolve(name)
        mids = [mid] if resolution is Resolution.RESOLVED else []
        if resolution is Resolution.AMBIGUOUS:
            mids = sorted(ambiguous(book, name))[:MOST]
        inside = None
        if members and len(mids) == 1 and book.objects[mids[0]].kind is EntryKind.GROUP:
            ends = [end for end in book.linkage.ends(mids[0], LinkProperty(MEMBER)) if end in book.objects]
            inside = [properties(row) for row in rows.of(ends)]
        found = [properties(row) for row in rows.of(mids)]
        answers.append(Answer(name, resolution, found, inside))
    return answers


def _show(answer: Answer, *, json: bool) -> None:
    if json:
        facts: dict[str, Any] = {"matches": [_facts(row) for row in answer.rows]}
        if answer.members is not None:
            facts["members"] = [_facts(row) for row in answer.members]
        print_event("found", name=answer.name, result=answer.resolution.name.lower(), **facts)
        return
    match answer.resolution:
        case Resolution.UNRESOLVED:
            warn(f"{answer.name}: nobody is called so")
        case Resolution.AMBIGUOUS:
            warn(f"{answer.name}: may be {'one of these' if answer.rows else 'more than can be shown'}")
    if answer.resolution is Resolution.RESOLVED:
        for row in answer.rows:
            _print_card(row)
    elif answer.rows:
        _print(answer.rows)
    if answer.members:
        _print(answer.members)


def _facts(row: Properties) -> dict[str, Any]:
    return {name: row[tag] for tag, name in _CARD.items() if tag in row} | {"dn": row.get(Tag.EMAIL_ADDRESS)}


def _print_card(row: Properties) -> None:
    """Everything of one, a line each."""
    table = Table(show_header=False, box=None)
    for tag, name in _CARD.items():
        values = row.get(tag, ())
        for value in values if isinstance(values, tuple) else (values,):
            table.add_row(name, str(value))
    print_table(table)


def _print(rows: Sequence[Properties]) -> None:
    """A table with the columns that anybody has something in."""
    shown = [tag for tag in _SHOWN if any(tag in row for row in rows)]
    table = Table(*(_SHOWN[tag] for tag in shown), box=None)
    for row in rows:
        table.add_row(*(str(row.get(tag, "")) for tag in shown))
    print_table(table)

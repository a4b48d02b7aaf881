"""The address book through the whole system: `rpch up`, its proxy, its referral, and hostile questions."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.errors import RpcFault
from rpch.exchange.nspi.client import AddressBook, open_address_book
from rpch.exchange.nspi.conditions import Compares
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire import interface as wire
from rpch.exchange.nspi.wire.interface import Nspi
from rpch.exchange.nspi.wire.structures import Exists, Not, Restriction, Stat, Status, WStringNames
from rpch.exchange.rfr.client import address_book_server, mailbox_server
from rpch.ndr import ContextHandle
from tests.rpch_process import COMMAND, RpchProcess, rpch_process

pytestmark = pytest.mark.slow

REFERRAL, DIRECTORY = 6002, 6004
NAME = [Tag.DISPLAY_NAME]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RpchProcess]:
    folder = tmp_path_factory.mktemp("up")
    command = ("up", "--listen", "127.0.0.1:0", "--data", str(folder / "data"))
    with rpch_process(*command, log=folder / "log") as running:
        yield running


def reach(up: RpchProcess, port: int, name: str = "localhost") -> AbstractAsyncContextManager[RpcClient]:
    alice = up.ready["users"][0]
    return connect(
        f"ncacn_http:{name}[{port},RpcProxy=localhost:{up.port}]",
        user=alice["name"],
        password=alice["password"],
        tls=ssl.create_default_context(cafile=up.ready["ca"]),
    )


@pytest.fixture
async def book(up: RpchProcess) -> AsyncIterator[AddressBook]:
    async with reach(up, DIRECTORY) as client, open_address_book(client) as opened:
        yield opened


async def test_the_referral_leads_to_the_address_book(up: RpchProcess) -> None:
    async with reach(up, REFERRAL) as client:
        place = await address_book_server(client)
    async with reach(up, DIRECTORY, place) as client, open_address_book(client) as book:
        (alice,) = await book.resolve(["alice"], [Tag.EMAIL_ADDRESS, Tag.HOME_MDB, Tag.INSTANCE_KEY])
        assert alice.row is not None
        home = alice.row[Tag.HOME_MDB]
        assert isinstance(home, str)
    async with reach(up, REFERRAL) as client:
        mailbox = await mailbox_server(client, home)
        assert mailbox == await address_book_server(client, str(alice.row[Tag.EMAIL_ADDRESS]))
    async with reach(up, DIRECTORY, mailbox) as client, open_address_book(client) as book:
        assert await book.count() == 10


async def test_one_connection_serves_referral_and_address_book(up: RpchProcess) -> None:
    async with reach(up, 6001) as client:
        assert await address_book_server(client)
        async with open_address_book(client) as book:
            rows = [row async for row in book.rows(NAME)]
        assert rows[0] == {Tag.DISPLAY_NAME: "Alice Adams"}


async def test_everybody_can_be_browsed_found_and_drawn(book: AddressBook) -> None:
    lists = {each.name: each.id for each in await book.lists()}
    assert [row[Tag.DISPLAY_NAME] async for row in book.rows(NAME, lists["Partners"])] == [
        "Erika Müller",
        "山田 太郎",
    ]
    (team,) = await book.resolve(["everyone"], [Tag.INSTANCE_KEY])
    assert team.row is not None
    key = team.row[Tag.INSTANCE_KEY]
    assert isinstance(key, bytes)
    members = await book.named_by(int.from_bytes(key, "little"), Tag.MEMBER, NAME)
    assert len(members) == 5
    assert await book.matching(Compares(4, Tag.ANR, "müller"), NAME) == [{Tag.DISPLAY_NAME: "Erika Müller"}]
    assert await book.template(0)


NAMES = (
    *("山田", "Ωmega", "مرحبا", "नमस्ते", "😀👨\u200d👩", "e\u0301" * 50),
    *("\u202eevil", "\ufeff", "İ", "ß" * 1000, "x" * 5000),
)


async def test_names_in_every_script_do_no_harm(book: AddressBook) -> None:
    found = await book.resolve(NAMES, NAME)
    assert [each.resolution.value for each in found] == [2, *[0] * (len(NAMES) - 1)]
    for name in NAMES:
        await book.seek(name, NAME)
        await book.matching(Compares(4, Tag.DISPLAY_NAME, name), NAME)


async def test_what_cannot_be_is_refused_and_the_session_goes_on(book: AddressBook) -> None:
    with pytest.raises(Refused) as refused:
        await book.count(12345)
    assert refused.value.status is Status.INVALID_BOOKMARK
    with pytest.raises(Refused) as refused:
        await book.rows_of([17] * 100_000, NAME * 2)
    assert refused.value.status is Status.OUT_OF_RESOURCES
    with pytest.raises(Refused) as refused:
        await book.resolve(["x"] * 2000, NAME)
    assert refused.value.status is Status.OUT_OF_RESOURCES
    assert (
        await book.rows_of([0, 1, 2, 3, 0xFFFF_FFFF], [Tag.DISPLAY_NAME, 0x3001_0003, 0x3001_FFFF])
        == [{}] * 5
    )
    assert await book.count() == 10


async def test_absurd_counts_and_foreign_handles_are_faults(up: RpchProcess) -> None:
    async with reach(up, DIRECTORY) as client:
        zero = Stat(*[0] * 9)
        bound = await client.call(Nspi.bind, wire.BindRequest(0, zero, bytes(16)))
        for handle in (ContextHandle(), replace(bound.handle, attributes=7)):
            with pytest.raises(RpcFault):
                await client.call(Nspi.query_columns, wire.QueryColumnsRequest(handle, 0, 0))
        rows = wire.QueryRowsRequest(bound.handle, 0, zero, 0, None, 0xFFFF_FFFF, None)
        assert (await client.call(Nspi.query_rows, rows)).status == Status.SUCCESS
        deep = Restriction(8, Exists(0, Tag.TITLE, 0))
        for _ in range(1000):
            deep = Restriction(2, Not(deep))
        matches = wire.GetMatchesRequest(bound.handle, 0, zero, None, 0, deep, None, 10, None)
        assert (await client.call(Nspi.get_matches, matches)).status == Status.TOO_COMPLEX
        names = wire.ResolveNamesWRequest(bound.handle, 0, zero, None, WStringNames(("alice",) * 3))
        answer = await client.call(Nspi.resolve_names_w, names)
        assert answer.ids is not None
        assert answer.ids.tags == (2, 2, 2)


def test_the_command_asks_as_outlook_does(up: RpchProcess) -> None:
    alice = up.ready["users"][0]
    place = ("--via", "rpchttp", "--proxy", f"localhost:{up.port}", "--tls-ca", up.ready["ca"])
    who = ("--user", f"{alice['name']}:{alice['password']}", "--json")
    command = (*COMMAND, "directory", "lookup", "erika", *place, *who)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["matches"][0]["mail"] == "erika@partner.example"
    assert Path(up.ready["ca"]).exists()

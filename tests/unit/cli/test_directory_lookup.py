"""`rpch directory lookup`: in the database, and at a server over RPC."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import pytest
from typer.testing import CliRunner, Result

from rpch.aio.event_loop import run
from rpch.auth.accounts import Identity
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.cli.directory_lookup import MOST
from rpch.cli.passwords import PASSWORD_VARIABLE
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import MEMBER
from rpch.directory.opening import Directory
from rpch.directory.passwords import HashingCost
from rpch.errors import AuthenticationFailed, ConfigError, RpcFault
from rpch.exchange.nspi.address_book import AddressBookService
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.service import NspiService
from rpch.exchange.nspi.wire.structures import Status
from rpch.exchange.server_names import ServerNames
from rpch.server.runtime import RpcServer
from rpch.server.security import RpcAuthenticator
from tests.command_line import app
from tests.unit.auth.gss_library import KrbLibrary, caches, library

__all__ = ["caches", "library"]
CHEAP = HashingCost(passes=1, memory=8, lanes=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few people and a group."""
    folder = tmp_path_factory.mktemp("data")
    with closing(Directory.open(str(folder / "rpch.sqlite3"), cost=CHEAP)) as directory:
        directory.store.add(Identity("alice", "LAB"), "secret", display_name="Alice Adams", ntlm=True)
        others = [
            NewEntry(EntryKind.USER, f"Bob {at}", attributes={"title": "Clerk"}) for at in range(MOST + 5)
        ]
        team, carl, *_ = directory.entries.add(
            NewEntry(EntryKind.GROUP, "Team", alias="team", mail="team@x.test"),
            NewEntry(EntryKind.CONTACT, "Carl", mail="carl@x.test"),
            *others,
        )
        directory.links.add(team.id, MEMBER, carl.id)
    return folder


class Server:
    """The address book over TCP, in a thread of its own."""

    def __init__(self, data: Path) -> None:
        self._data, self._started = data, threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=lambda: run(self._serve()))
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(self, *problem: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with closing(Directory.open(str(self._data / "rpch.sqlite3"), cost=CHEAP)) as directory:
            book = AddressBookService(directory.database, ServerNames("localhost"))
            security = RpcAuthenticator(
                directory.accounts, ntlm=NtlmSettings.standalone("server", domain="LAB")
            )
            async with asyncio.TaskGroup() as tasks:
                server = RpcServer(tasks, security=security)
                tcp = ProtocolSequence.NCACN_IP_TCP
                self.port = await server.listen(tcp, "127.0.0.1", 0, [NspiService(book)])
                self._started.set()
                await self._stop.wait()
                await server.close()
            book.close()


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    with Server(data) as running:
        yield running


def lookup(*args: str | Path) -> Result:
    result = CliRunner().invoke(app, ["directory", "lookup", *map(str, args)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_names_are_looked_up_in_the_database(data: Path) -> None:
    result = lookup("alice", "carl@x.test", "--data", data)
    assert result.exit_code == 0
    assert "Alice Adams" in result.stdout
    assert "Carl" in result.stdout


def test_one_is_shown_with_everything_line_by_line(data: Path) -> None:
    lines = [line.split() for line in lookup("team", "--data", data).stdout.splitlines()]
    assert ["mail", "team@x.test"] in lines
    assert ["addresses", "SMTP:team@x.test"] in lines
    assert [line[0] for line in lines].count("name") == 1
    (event,) = events(lookup("team", "--json", "--data", data))
    assert event["matches"][0]["addresses"] == ["SMTP:team@x.test"]


def test_nobody_and_several_are_told_apart(data: Path) -> None:
    result = lookup("zoe", "bob", "carl", "--data", data)
    assert result.exit_code == 1
    assert "zoe: nobody is called so" in result.stderr
    assert "bob: may be one of these" in result.stderr
    assert "Bob 7" in result.stdout


def test_programs_get_json(data: Path) -> None:
    zoe, team = events(lookup("zoe", "team", "--members", "--json", "--data", data))
    assert zoe == {"event": "found", "name": "zoe", "result": "unresolved", "matches": []}
    assert (team["result"], team["matches"][0]["mail"]) == ("resolved", "team@x.test")
    assert [member["name"] for member in team["members"]] == ["Carl"]


def test_people_see_members_too(data: Path) -> None:
    assert "Carl" in lookup("team", "--members", "--data", data).stdout
    assert "Carl" not in lookup("team", "--data", data).stdout


def at(server: Server) -> tuple[str, ...]:
    return ("--via", "tcp", "--server", f"localhost:{server.port}")


def test_a_server_says_the_same(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret")
    place = (*at(server), "--user", r"LAB\alice", "--members", "--json")
    alice, team, bob, zoe = events(lookup("alice", "team", "bob 7", "zoe", *place))
    assert alice["matches"][0]["name"] == "Alice Adams"
    assert [member["name"] for member in team["members"]] == ["Carl"]
    assert (bob["result"], zoe["result"]) == ("resolved", "unresolved")


def test_several_are_shown_unless_they_are_too_many(server: Server) -> None:
    place = (*at(server), "--user", r"LAB\alice:secret", "--json")
    few, many = events(lookup("bob 1", "bob", *place))
    assert few["result"] == "resolved"
    assert (many["result"], many["matches"]) == ("ambiguous", [])
    assert "more than can be shown" in lookup("bob", *place[:-1]).stderr


def test_a_server_wants_to_know_who_asks(server: Server) -> None:
    with pytest.raises(Refused) as refused:
        lookup("alice", *at(server))
    assert refused.value.status is Status.LOGON_FAILED


@pytest.mark.parametrize("how", [("ntlm", "integrity"), ("negotiate", "privacy"), ("10", "call")])
def test_the_proof_and_the_protection_can_be_chosen(server: Server, how: tuple[str, str]) -> None:
    place = (*at(server), "--user", r"LAB\alice:secret", "--rpc-auth", how[0], "--rpc-level", how[1])
    assert lookup("alice", *place).exit_code == 0


def test_at_a_level_below_the_address_book_s_nobody_is_answered(server: Server) -> None:
    place = (*at(server), "--user", r"LAB\alice:secret", "--rpc-level", "connect")
    with pytest.raises(RpcFault) as refused:
        lookup("alice", *place)
    assert refused.value.status == 5


def test_by_kerberos_a_ticket_will_do(
    server: Server, caches: KrbLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    for who in ((), ("--user", "alice@LAB.TEST")):
        with pytest.raises(AuthenticationFailed, match=r"there is no ticket.*; get one with kinit"):
            lookup("alice", *at(server), "--rpc-auth", "kerberos", *who)
    assert caches.asked == ["", "alice@LAB.TEST"]


def test_what_is_no_proof_and_no_level_is_refused(server: Server) -> None:
    for option, word in ("--rpc-auth", "schannel"), ("--rpc-level", "high"):
        with pytest.raises(ConfigError, match=f"{option}: '{word}'"):
            lookup("alice", *at(server), option, word)


def test_a_password_must_come_from_somewhere(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    with pytest.raises(ConfigError) as refused:
        lookup("alice", "--via", "rpchttp", "--user", "alice")
    assert PASSWORD_VARIABLE in str(refused.value)

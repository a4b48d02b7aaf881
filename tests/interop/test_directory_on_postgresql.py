"""The directory on PostgreSQL: the same promises as on SQLite, and a farm of processes on one database."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from rpch.auth.accounts import Identity
from rpch.auth.throttle import Throttle, ThrottleLimits
from rpch.directory.database import Database
from rpch.directory.database_counters import DatabaseCounters
from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import MEMBER
from rpch.directory.mirror.synchroniser import Synchroniser
from rpch.directory.opening import Directory
from rpch.directory.organisation import Setting
from rpch.directory.passwords import HashingCost
from rpch.directory.tables import METADATA
from rpch.directory.transfer.importing import Importer
from rpch.directory.transfer.records import Record
from rpch.directory.vault import Vault
from rpch.errors import ConfigError, TransportError
from rpch.testing.counters import check_counter_store
from tests.interop.postgresql_server import PASSWORD, Postgresql, postgresql_serving
from tests.interop.processes import run_once
from tests.interop.rpch_commands import RPCH
from tests.unit.directory.mirror.fake_tree import SETTINGS, FakeTree

CHEAP = HashingCost(passes=1, memory=8, lanes=1)
ALICE = Identity("alice", "LAB")


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgresql]:
    with postgresql_serving(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture
def directory(postgresql: Postgresql, tmp_path: Path) -> Iterator[Directory]:
    with closing(Directory.open(postgresql.new_database(), tmp_path / "rpch.key", cost=CHEAP)) as opened:
        yield opened


def test_migrations_lead_to_the_tables(directory: Directory) -> None:
    with directory.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_several_that_come_first_together_migrate_once(postgresql: Postgresql) -> None:
    url = postgresql.new_database()
    with ThreadPoolExecutor(4) as threads:
        for opened in [threads.submit(Database.open, url) for _ in range(4)]:
            opened.result().close()


async def test_accounts_sign_in(directory: Directory) -> None:
    directory.store.add(ALICE, "secret", mail="a.adams@lab.example", ntlm=True)
    directory.store.add_domain_alias("lab.example", "LAB")
    for name in ("alice", r"lab\ALICE", "alice@lab.example", "A.Adams@lab.example"):
        assert await directory.accounts.verify_password(name, "secret") == ALICE
    for name in ("nobody", "a\0b", "\ud800", "x" * 5000, "' OR 1=1 --"):
        assert await directory.accounts.verify_password(name, "secret") is None
    with pytest.raises(ConfigError, match="exists already"):
        directory.store.add(Identity("ALICE", "lab"), "other")


def test_the_book_is_found_by_names_in_any_script(directory: Directory) -> None:
    names = ["Ädams", "Adams", "адамс", "山田", "👩‍💻", "a_b%c"]
    made = directory.entries.add(
        *(NewEntry(EntryKind.CONTACT, name, mail=f"{n}@x") for n, name in enumerate(names))
    )
    for entry in made:
        assert directory.entries.named(entry.display_name.lower()) == [entry]
        assert entry in directory.entries.named(entry.display_name[:2], begins=True)
    group, *_ = directory.entries.add(NewEntry(EntryKind.GROUP, "Team"))
    directory.links.add(group.id, MEMBER, made[0].id, made[1].id)
    directory.links.add(group.id, MEMBER, made[0].id)
    assert directory.links.groups_of(made[0].id)[0].display_name == "Team"
    directory.entries.remove(made[0].id)
    assert directory.entries.changes().removed == [made[0].id]


def test_another_directory_is_mirrored(directory: Directory) -> None:
    tree = FakeTree()
    tree.put(1, "Alice", mail="alice@x", jpegPhoto=b"\xff\xd8", info="nul\0")
    tree.put(2, "Team", objectClass="groupOfNames", member=["cn=Alice,dc=there", "cn=Bob,dc=there"])
    mirror = Synchroniser(directory.database, SETTINGS)
    assert (first := mirror.round(tree)).added == 2
    assert first.linked == 1
    tree.put(1, "Alice", mail="bob@x")
    tree.put(3, "Bob", mail="alice@x")
    done = mirror.round(tree)
    assert (done.added, done.changed, done.linked, done.problems) == (1, 1, 1, [])
    (team,) = directory.entries.named("Team")
    assert {each.mail for each in directory.links.targets(team.id, MEMBER)} == {"alice@x", "bob@x"}
    tree.drop(1)
    assert mirror.round(tree).removed == 1
    assert [each.mail for each in directory.links.targets(team.id, MEMBER)] == ["alice@x"]


def test_settings_are_kept(directory: Directory) -> None:
    enabled = Setting("mapi-http-enabled", bool, default=True)
    for value in (False, True, False):
        directory.settings.set(enabled, value)
        assert directory.settings.get(enabled) == value


async def test_counters_do_what_every_store_of_counts_must(postgresql: Postgresql) -> None:
    opened: list[Database] = []

    def make(clock: Callable[[], float]) -> DatabaseCounters:
        opened.append(Database.open(postgresql.new_database()))
        return DatabaseCounters(opened[-1], Vault([bytes(32)]), clock=clock)

    await check_counter_store(make)
    for database in opened:
        database.close()


async def test_a_farm_counts_a_thousand_guesses_at_once_exactly(
    postgresql: Postgresql, directory: Directory, tmp_path: Path
) -> None:
    url = directory.database._engine.url.render_as_string(hide_password=False)
    limits = ThrottleLimits(5000, 5000, 5000, per_minute=5000)
    with closing(Directory.open(url, tmp_path / "rpch.key", cost=CHEAP)) as other:
        farm = [
            Throttle(limits, each.counters).guard(each.accounts, peer=f"192.0.{number}.1")
            for number, each in enumerate((directory, other))
        ]
        await asyncio.gather(*(farm[n % 2].verify_password("alice", str(n)) for n in range(1000)))
    assert directory.counters.guesses(["ALICE"]) == {"ALICE": 1000}


def test_the_command_line_takes_a_url(postgresql: Postgresql, tmp_path: Path) -> None:
    env = {"RPCH_DATABASE": postgresql.new_database(), "RPCH_KEY_FILE": str(tmp_path / "rpch.key")}
    run_once([RPCH, "users", "add", r"LAB\alice", "--password-stdin"], stdin="secret\n", env=env)
    said = run_once([RPCH, "users", "list", "--json"], env=env)
    assert '"user": "LAB\\\\alice"' in said
    assert PASSWORD not in said


def test_a_server_that_is_away_or_refuses_us_is_said_without_the_password(postgresql: Postgresql) -> None:
    for url in (
        f"postgresql://rpch:canary@127.0.0.1:{postgresql.port}/postgres",
        "postgresql://rpch:canary@127.0.0.1:1/rpch",
    ):
        with pytest.raises(TransportError, match="cannot be used") as caught:
            Database.open(url)
        assert "canary" not in str(caught.value)


def test_the_server_hears_of_tables_that_an_import_made_large(directory: Directory) -> None:
    """Its plans for a small table read all of it, and would for every few hundred entries that come."""
    people = [Record(EntryKind.USER, f"Person {n}", mail=f"p{n}@x") for n in range(2500)]
    groups = [Record(EntryKind.GROUP, "All", links={"member": [each.mail or "" for each in people]})]
    assert Importer(directory.database).run([*people, *groups]).linked == len(people)
    with directory.database.read() as connection:
        sizes = "SELECT relname, reltuples FROM pg_class WHERE relname IN ('entries', 'links')"
        known = {row.relname: row.reltuples for row in connection.exec_driver_sql(sizes)}
    assert known["entries"] >= 1000
    assert known["links"] == len(people)

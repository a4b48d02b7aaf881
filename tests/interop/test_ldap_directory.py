"""The people of a real LDAP server in the address book, seen by a client through the whole system."""

import asyncio
import ssl
import subprocess
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpch.client.connect import connect
from rpch.directory.database import Database
from rpch.directory.entries import Entries, Entry
from rpch.directory.links import MEMBER, Links
from rpch.exchange.nspi.client import AddressBook, open_address_book
from rpch.exchange.nspi.operations.resolution import Resolution
from rpch.exchange.nspi.refusals import Refused
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.nspi.wire.structures import Status
from tests.interop.laboratory import Laboratory, laboratory
from tests.interop.processes import run_once
from tests.interop.relays import Authority
from tests.interop.rpch_commands import RPCH
from tests.interop.slapd_server import ADMIN, ADMIN_PASSWORD, BASE, Slapd, slapd_serving

PEOPLE = f"ou=people,{BASE}"
MANY = 1000
WITHIN = 20.0  # seconds for a change to be seen; it takes two, but machines are busy
PHOTO = bytes(range(256)) * 4096
HOSTILE_NAME = "Bell\a, tab\t and\nlines"
SCRIPTS = "山田 太郎 עברית العربية Ωμέγα 👩‍💻 é"


def ldif(dn: str, *attributes: tuple[str, str | bytes]) -> str:
    """One entry, every value in Base64."""
    values = [("dn", dn), *attributes]
    octets = ((name, value if isinstance(value, bytes) else value.encode()) for name, value in values)
    return "".join(f"{name}:: {b64encode(value).decode('ascii')}\n" for name, value in octets) + "\n"


def person(uid: str, cn: str, *more: tuple[str, str | bytes]) -> str:
    fixed = (("objectClass", "inetOrgPerson"), ("uid", uid), ("cn", cn), ("sn", cn.split()[-1]))
    return ldif(f"uid={uid},{PEOPLE}", *fixed, *more)


def group(cn: str, *members: str) -> str:
    named = [("member", each if "=" in each else f"uid={each},{PEOPLE}") for each in members]
    return ldif(f"cn={cn},{PEOPLE}", ("objectClass", "groupOfNames"), ("cn", cn), *named)


def mail(address: str) -> tuple[str, str]:
    return ("mail", address)


EVERYBODY = "".join(
    person(f"u{n}", f"Zoë Person {n:04}", mail(f"u{n}@ldap.example"), ("telephoneNumber", f"0030 {n}"))
    for n in range(MANY)
)
HOSTILE = "".join(
    (
        person("photo", "Photo Large", ("jpegPhoto", PHOTO)),
        person("toolarge", "Photo Toolarge", ("jpegPhoto", PHOTO + b"x")),
        person("bell", HOSTILE_NAME, ("title", "line\none\0two")),
        person("scripts", SCRIPTS, mail("скрипт@ldap.example")),
        person("nomail", "Nomail Person"),
        person("twin1", "Twin One", mail("twin@ldap.example")),
        person("twin2", "Twin Two", mail("TWIN@ldap.example")),
        person("long", "L" * 3000, ("mail", "x" * 300 + "@ldap.example"), ("info", "y" * 9000)).replace(
            "info::", "description::"
        ),
        group("ring1", f"cn=ring2,{PEOPLE}"),
        group("ring2", f"cn=ring1,{PEOPLE}", "u1"),
        group("self", f"cn=self,{PEOPLE}"),
        group("dangling", "nobody", "u2", "later"),
    )
)
TEAM = group("team", "u0", "u1")


@dataclass
class System:
    """An LDAP server and the system that has its people."""

    slapd: Slapd
    lab: Laboratory

    @asynccontextmanager
    async def book(self) -> AsyncIterator[AddressBook]:
        """The address book, through the proxy."""
        domain, name, password = self.lab.account
        trust = ssl.create_default_context(cafile=self.lab.ca)
        binding = f"ncacn_http:localhost[6004,RpcProxy=localhost:{self.lab.served.port}]"
        user = f"{domain}\\{name}"
        async with (
            connect(binding, user=user, password=password, tls=trust) as client,
            open_address_book(client) as book,
        ):
            yield book

    def events(self, name: str) -> list[dict[str, object]]:
        """What was logged under a name."""
        return [line for line in self.lab.served.log() if line["event"] == name]


def settings_for(slapd: Slapd, folder: Path, *, url: str = "") -> Path:
    """What `rpch up --ldap` is given."""
    password = folder / "password"
    password.write_text(ADMIN_PASSWORD)
    file = folder / "ldap.toml"
    file.write_text(f"""\
url = "{url or f"ldaps://127.0.0.1:{slapd.tls_port}"}"
ca-file = "{slapd.ca}"
base = "{BASE}"
bind-dn = "{ADMIN}"
bind-password-file = "{password}"
interval = 0.5
[attributes]
employeeNumber = "extensionAttribute1"
""")
    return file


@pytest.fixture(scope="module", params=[True, False], ids=["keeps state", "keeps none"])
def system(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, request: pytest.FixtureRequest
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("directory")
    people = EVERYBODY + TEAM
    with (
        slapd_serving(folder, authority, people=people, keeps_state=request.param) as slapd,
        laboratory(folder, "--ldap", str(settings_for(slapd, folder))) as lab,
    ):
        yield System(slapd, lab)


async def eventually(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Ask until the answer is what it should be; that it takes longer than it may is the failure."""
    until = time.monotonic() + WITHIN
    while (answer := await ask()) != wanted:
        assert time.monotonic() < until, f"{answer!r} did not become {wanted!r}"
        await asyncio.sleep(0.1)


async def resolved(book: AddressBook, name: str) -> dict[int, object] | None:
    """Whom a name means to the address book."""
    tags = [Tag.DISPLAY_NAME, Tag.SMTP_ADDRESS, Tag.TITLE, Tag.INSTANCE_KEY, Tag.EMAIL_ADDRESS]
    (found,) = await book.resolve([name], tags)
    return dict(found.row) if found.resolution is Resolution.RESOLVED and found.row else None


async def member_names(book: AddressBook, name: str) -> set[object]:
    """Who is in a group."""
    found = await resolved(book, name)
    if found is None:
        return set()
    key = found[Tag.INSTANCE_KEY]
    assert isinstance(key, bytes)
    members = await book.named_by(int.from_bytes(key, "little"), Tag.MEMBER, [Tag.DISPLAY_NAME])
    return {row[Tag.DISPLAY_NAME] for row in members}


async def test_a_thousand_people_are_there_and_found(system: System) -> None:
    async with system.book() as book:
        last = MANY - 1
        await eventually(lambda: _name_of(book, f"u{last}@ldap.example"), f"Zoë Person {last:04}")
        assert await book.count() > MANY
        found = await resolved(book, "u7@ldap.example")
        assert found is not None
        assert found[Tag.DISPLAY_NAME] == "Zoë Person 0007"
        await eventually(lambda: member_names(book, "team"), {"Zoë Person 0000", "Zoë Person 0001"})


async def test_changes_are_seen_without_a_restart(system: System) -> None:
    async with system.book() as book:
        before = await resolved(book, "u3@ldap.example")
        assert before is not None

        new = person("new", "Nina Newcomer", mail("nina@ldap.example")).replace(
            "\n", "\nchangetype: add\n", 1
        )
        system.slapd.change(new)
        await eventually(lambda: _name_of(book, "nina@ldap.example"), "Nina Newcomer")

        dn = f"uid=u3,{PEOPLE}"
        system.slapd.change(f"dn: {dn}\nchangetype: modify\nreplace: title\ntitle: Boss\n")
        await eventually(lambda: _value_of(book, "u3@ldap.example", Tag.TITLE), "Boss")

        system.slapd.change(f"dn: {dn}\nchangetype: modrdn\nnewrdn: uid=u3moved\ndeleteoldrdn: 1\n")
        renamed = f"dn: uid=u3moved,{PEOPLE}\nchangetype: modify\nreplace: cn\ncn: Other Name\n"
        system.slapd.change(renamed)
        await eventually(lambda: _name_of(book, "u3@ldap.example"), "Other Name")
        after = await resolved(book, "u3@ldap.example")
        assert after is not None
        assert {tag: after[tag] for tag in (Tag.INSTANCE_KEY, Tag.EMAIL_ADDRESS)} == {
            tag: before[tag] for tag in (Tag.INSTANCE_KEY, Tag.EMAIL_ADDRESS)
        }, "ids are kept"

        joining = f"dn: cn=team,{PEOPLE}\nchangetype: modify\nadd: member\nmember: uid=new,{PEOPLE}\n"
        system.slapd.change(joining)
        everybody = {"Zoë Person 0000", "Zoë Person 0001", "Nina Newcomer"}
        await eventually(lambda: member_names(book, "team"), everybody)

        system.slapd.change(f"dn: uid=new,{PEOPLE}\nchangetype: delete\n")
        await eventually(lambda: _name_of(book, "nina@ldap.example"), None)
        await eventually(lambda: member_names(book, "team"), everybody - {"Nina Newcomer"})


async def test_a_branch_that_is_renamed_takes_its_members_along(system: System) -> None:
    """No entry of it changes there, but all of their names."""
    branch = f"ou=branch,{BASE}"
    unit = ldif(branch, ("objectClass", "organizationalUnit"), ("ou", "branch"))
    leaf = ldif(
        f"uid=leaf,{branch}",
        ("objectClass", "inetOrgPerson"),
        ("uid", "leaf"),
        ("cn", "Leaf"),
        ("sn", "Leaf"),
    )
    crew = group("crew", f"uid=leaf,ou=bough,{BASE}")
    for each in (unit, leaf, crew):
        system.slapd.change(each.replace("\n", "\nchangetype: add\n", 1))
    async with system.book() as book:
        await eventually(lambda: _name_of(book, "crew"), "crew")
        assert await member_names(book, "crew") == set()
        system.slapd.change(f"dn: {branch}\nchangetype: modrdn\nnewrdn: ou=bough\ndeleteoldrdn: 1\n")
        await eventually(lambda: member_names(book, "crew"), {"Leaf"})


async def test_what_comes_from_there_is_changed_only_there(system: System) -> None:
    async with system.book() as book:
        team = await resolved(book, "team")
        assert team is not None
        key = team[Tag.INSTANCE_KEY]
        assert isinstance(key, bytes)
        with pytest.raises(Refused) as refused:
            await book.link(int.from_bytes(key, "little"), Tag.MEMBER, [])
        assert refused.value.status == Status.ACCESS_DENIED


async def test_a_server_that_goes_leaves_the_book_and_is_found_again(system: System) -> None:
    async with system.book() as book:
        count = await book.count()
        system.slapd.stop()
        await _logged(system, "mirror lost")
        assert await book.count() == count
        assert await _name_of(book, "u5@ldap.example") == "Zoë Person 0005"
        system.slapd.start()
        await _logged(system, "mirror is back")
        system.slapd.change(f"dn: uid=u5,{PEOPLE}\nchangetype: modify\nreplace: title\ntitle: Back\n")
        await eventually(lambda: _value_of(book, "u5@ldap.example", Tag.TITLE), "Back")
    lost = system.events("mirror lost")
    assert all("retry_in" in line for line in lost)
    assert ADMIN_PASSWORD not in str(system.lab.served.log())


async def test_a_server_that_no_longer_lets_us_in_leaves_the_book(system: System) -> None:
    configuration = system.slapd.folder / "slapd.conf"
    text = configuration.read_text()
    async with system.book() as book:
        count = await book.count()
        for changed, event in (
            (text.replace('rootdn "cn=rpch', 'rootdn "cn=other'), "lost"),
            (text, "is back"),
        ):
            before = len(system.events(f"mirror {event}"))
            system.slapd.stop()
            configuration.write_text(changed)
            system.slapd.start()
            await _logged(system, f"mirror {event}", times=before + 1)
            assert await book.count() == count


async def _logged(system: System, event: str, *, times: int = 1) -> None:
    until = time.monotonic() + 4 * WITHIN
    while len(system.events(event)) < times:
        assert time.monotonic() < until, f"{event!r} was not logged"
        await asyncio.sleep(0.1)


async def _name_of(book: AddressBook, name: str) -> object:
    return await _value_of(book, name, Tag.DISPLAY_NAME)


async def _value_of(book: AddressBook, name: str, tag: int) -> object:
    found = await resolved(book, name)
    return found and found.get(tag)


@pytest.fixture
def hostile(tmp_path: Path, authority: Authority) -> Iterator[Slapd]:
    people = "".join(person(f"u{n}", f"Person {n}", mail(f"u{n}@ldap.example")) for n in range(3)) + HOSTILE
    with slapd_serving(tmp_path, authority, people=people, keeps_state=True) as slapd:
        yield slapd


def sync(slapd: Slapd, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """`rpch directory sync`, once."""
    config, data = settings_for(slapd, folder), folder / "data2"
    command = [str(RPCH), "directory", "sync", "--config", str(config), "--data", str(data), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_hostile_values_come_in_fit_for_the_book_or_not_at_all(hostile: Slapd, tmp_path: Path) -> None:
    done = sync(hostile, tmp_path, "--json")
    assert done.returncode == 1, "some could be kept in part only"
    assert '"added": 17, "changed": 0, "removed": 0' in done.stdout
    with closing(Database.open(str(tmp_path / "data2" / "rpch.sqlite3"))) as database:
        entries, links = Entries(database), Links(database)

        def only(name: str) -> Entry:
            (found,) = entries.named(name)
            return found

        assert entries.binary(only("photo").id, "thumbnailPhoto") == [PHOTO]
        assert entries.binary(only("toolarge").id, "thumbnailPhoto") == []
        assert "toolarge" in done.stderr
        assert only("bell").display_name == "Bell , tab and lines"
        assert only("bell").attributes["title"] == "line\none two"
        assert only("скрипт@ldap.example").display_name == SCRIPTS
        assert only("nomail").mail is None
        twins = {only("twin1").mail, only("twin2").mail}
        assert twins == {"twin@ldap.example", None}
        assert "belongs to another entry" in done.stderr
        assert (len(only("long").display_name), only("long").mail) == (256, None)
        rings = {each.display_name: each for each in entries.changes().entries if each.kind == "group"}
        assert [each.display_name for each in links.targets(rings["ring1"].id, MEMBER)] == ["ring2"]
        assert {each.display_name for each in links.groups_of(only("u1").id)} == {"ring1", "ring2"}
        assert [each.display_name for each in links.targets(rings["self"].id, MEMBER)] == ["self"]
        assert [each.alias for each in links.targets(rings["dangling"].id, MEMBER)] == ["u2"]

    later = person("later", "Later").replace("\n", "\nchangetype: add\n", 1)
    hostile.change(later)
    hostile.change(f"dn: uid=twin1,{PEOPLE}\nchangetype: modify\nreplace: mail\nmail: one@ldap.example\n")
    hostile.change(f"dn: uid=u2,{PEOPLE}\nchangetype: delete\n")
    sync(hostile, tmp_path)
    with closing(Database.open(str(tmp_path / "data2" / "rpch.sqlite3"))) as database:
        entries, links = Entries(database), Links(database)
        (dangling,) = entries.named("dangling")
        assert [each.alias for each in links.targets(dangling.id, MEMBER)] == ["later"]
        mails = {entries.named(name)[0].mail for name in ("twin1", "twin2")}
        assert "one@ldap.example" in mails


def test_the_address_that_becomes_free_goes_to_the_one_that_waits_for_it(
    hostile: Slapd, tmp_path: Path
) -> None:
    sync(hostile, tmp_path)
    data = str(tmp_path / "data2" / "rpch.sqlite3")
    with closing(Database.open(data)) as database:
        (holder,) = Entries(database).named("twin@ldap.example")
    waiting = {"twin1": "twin2", "twin2": "twin1"}[holder.alias]
    hostile.change(f"dn: uid={holder.alias},{PEOPLE}\nchangetype: delete\n")
    sync(hostile, tmp_path)
    with closing(Database.open(data)) as database:
        (now,) = Entries(database).named("twin@ldap.example")
    assert now.alias == waiting


def test_it_can_be_asked_what_would_be(hostile: Slapd, tmp_path: Path) -> None:
    assert sync(hostile, tmp_path, "--what-if").stdout == "would be 17 added\n"
    sync(hostile, tmp_path)
    hostile.change(f"dn: uid=u2,{PEOPLE}\nchangetype: delete\n")
    assert "1 removed" in sync(hostile, tmp_path, "--what-if").stdout


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--ldap", "ldap://192.0.2.1"), "would send passwords in the clear"),
        (("--base", "dc=elsewhere"), "has no such base"),
        (("--ca-file", "/dev/null"), "cannot be reached"),
        (("--filter", "mail=x"), "is no filter"),
        (("--filter", "(&(mail=*)"), "gave no answer"),
        (("--bind-dn", f"cn=stranger,{BASE}"), "refuses cn=stranger"),
    ],
)
def test_what_cannot_work_is_said(hostile: Slapd, tmp_path: Path, option: tuple[str, str], said: str) -> None:
    done = sync(hostile, tmp_path, *option)
    assert done.returncode == 2
    assert said in done.stderr
    assert ADMIN_PASSWORD not in done.stderr


def test_start_tls_and_changes_by_hand(hostile: Slapd, tmp_path: Path) -> None:
    url = f"ldap://127.0.0.1:{hostile.port}"
    assert "17 added" in sync(hostile, tmp_path, "--ldap", url, "--start-tls").stdout
    table = tmp_path / "people.csv"
    table.write_text("displayName,mail,title\nHand,u1@ldap.example,Boss\n")
    with pytest.raises(AssertionError, match=r"is kept by ldap://.*change it there, where it is uid=u1"):
        run_once([RPCH, "directory", "import", table, "--data", tmp_path / "data2"])

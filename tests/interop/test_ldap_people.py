"""People of a real LDAP server, who have no account in our database, use the whole system.

They sign in by a bind there, and a mirror has their entries. One of them is called like somebody who has an
account here, in another domain.
"""

import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpch.client.client import RpcClient
from rpch.client.connect import connect
from rpch.errors import RpchError
from rpch.exchange.autodiscover.pox_request import PoxRequest
from rpch.exchange.nspi.client import open_address_book
from rpch.exchange.nspi.tags import Tag
from rpch.exchange.rfr.client import address_book_server
from tests.interop.laboratory import Laboratory, laboratory
from tests.interop.processes import run_once
from tests.interop.relays import Authority
from tests.interop.rpch_commands import RPCH
from tests.interop.slapd_server import ADMIN, ALICE, BASE, Slapd, slapd_serving
from tests.interop.test_ldap_directory import PEOPLE, eventually, mail, person, settings_for

PASSWORD = "secret-of-people"
POX = "/autodiscover/autodiscover.xml"
SIGN_IN = """\
[ldap]
url = "ldaps://127.0.0.1:{slapd.tls_port}"
ca-file = "{slapd.ca}"
base = "{base}"
bind-dn = "{admin}"
bind-password-file = "{folder}/password"
domain = "CORP"
"""


def someone(uid: str) -> str:
    own = (mail(f"{uid}@lab.example"), ("userPassword", PASSWORD))
    return person(uid, f"{uid.title()} Person", *own)


@dataclass
class System:
    """The LDAP server, and `rpch up` for its people."""

    slapd: Slapd
    lab: Laboratory
    data: Path

    def pox(self, name: str, address: str = "", *options: str, password: str = PASSWORD) -> str:
        """What Autodiscover answers somebody who asks for an address; HTTP's status in the last line."""
        body = PoxRequest(address or f"{name}@lab.example").encode()
        command = ["curl", "-s", "--cacert", str(self.lab.ca), "-w", "\n%{http_code}", *options]
        command += ["-u", f"{name}:{password}", "-H", "Content-Type: text/xml", "--data-binary", "@-"]
        url = f"https://localhost:{self.lab.served.port}{POX}"
        return subprocess.run([*command, url], input=body, capture_output=True, check=True).stdout.decode()

    @asynccontextmanager
    async def client(
        self, name: str, server: str = "localhost", port: int = 6004
    ) -> AsyncIterator[RpcClient]:
        """Somebody's connection to a server, through the proxy."""
        trust = ssl.create_default_context(cafile=self.lab.ca)
        binding = f"ncacn_http:{server}[{port},RpcProxy=localhost:{self.lab.served.port}]"
        async with connect(binding, user=name, password=PASSWORD, tls=trust) as client:
            yield client

    async def refusal(self, name: str) -> str:
        """Why the proxy does not let somebody through; nothing when it does."""
        try:
            async with self.client(name):
                return ""
        except RpchError as error:
            return str(error)

    def users(self, *args: str) -> dict[str, object]:
        """What `rpch users` says."""
        said = run_once([RPCH, "users", *args, "--data", self.data, "--json"])
        told: dict[str, object] = json.loads(said.splitlines()[-1])
        return told


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("people")
    people = "".join(map(someone, ("carla", "dora", "locked", "leaver")))
    with slapd_serving(folder, authority, people=people, keeps_state=True, locks=True) as slapd:
        book, config = settings_for(slapd, folder), folder / "up.toml"
        book.write_text(f'domain = "corp"\n{book.read_text()}')
        config.write_text(SIGN_IN.format(slapd=slapd, base=BASE, admin=ADMIN, folder=folder))
        options = ("--ldap", str(book), "--config", str(config))
        with laboratory(folder, *options) as lab:
            yield System(slapd, lab, folder / "data")


@pytest.fixture(autouse=True)
async def _mirrored(system: System) -> None:
    async def name() -> object:
        return found(system.pox("carla"), "DisplayName")

    await eventually(name, "Carla Person")


def found(answer: str, element: str) -> str:
    """The text of the first such element; nothing when there is none."""
    return answer.partition(f"<{element}>")[2].partition(f"</{element}>")[0]


async def test_autodiscover_leads_them_to_their_own_entry_and_nobody_elses(system: System) -> None:
    assert system.lab.served.ready["users"] == [], "accounts are in one place"
    said = system.pox("carla")
    assert said.endswith("\n200")
    assert "<Type>EXCH</Type>" in said
    dn, server = found(said, "LegacyDN"), found(said, "Server")
    async with system.client(r"CORP\carla") as client, open_address_book(client) as book:

        async def own() -> object:
            tags = [Tag.DISPLAY_NAME, Tag.EMAIL_ADDRESS]
            return [dict(found.row or {}) for found in await book.resolve(["carla@lab.example"], tags)]

        # Autodiscover asks the database; the address book in memory may be a second older.
        await eventually(own, [{Tag.DISPLAY_NAME: "Carla Person", Tag.EMAIL_ADDRESS: dn}])
    async with system.client(r"CORP\carla", server, 6002) as client:
        assert await address_book_server(client, dn) == server
    for address in ("dora@lab.example", "nobody@lab.example"):
        assert "<ErrorCode>500</ErrorCode>" in system.pox("carla", address)
    assert system.pox("carla", password="wrong").endswith("\n401")


def test_who_is_called_like_an_account_of_another_domain_is_not_taken_for_it(system: System) -> None:
    assert system.users("get", r"LAB\alice")["mail"] == "alice@lab.example"
    own = system.pox("alice", "a.adams@lab.example", password=ALICE)
    assert found(own, "DisplayName") == "Alice Adams"
    assert "<ErrorCode>500</ErrorCode>" in system.pox("alice", "alice@lab.example", password=ALICE)


async def test_their_switches_hold_from_the_next_connection_on(system: System) -> None:
    offers = ("-H", "X-MapiHttpCapability: 1")
    assert await system.refusal(r"CORP\dora") == ""
    assert "mapiHttp" not in system.pox("dora", "", *offers)
    changed = system.users("set", r"CORP\dora", "--MAPIBlockOutlookRpcHttp", "true")
    assert (changed["mail"], changed["MAPIBlockOutlookRpcHttp"]) == ("dora@lab.example", True)
    system.users("set", "dora@lab.example", "--MapiHttpEnabled", "true")
    assert "403" in await system.refusal(r"CORP\dora")
    assert system.lab.served.log()[-1]["rule"] == "MAPIBlockOutlookRpcHttp"
    assert await system.refusal(r"CORP\carla") == ""
    assert "mapiHttp" in system.pox("dora", "", *offers)
    assert "mapiHttp" not in system.pox("carla", "", *offers)
    system.users("set", r"corp\DORA", "--MAPIBlockOutlookRpcHttp", "false", "--MapiHttpEnabled", "inherit")
    assert await system.refusal(r"CORP\dora") == ""
    assert "mapiHttp" not in system.pox("dora", "", *offers)


async def test_what_is_kept_there_is_changed_there(system: System) -> None:
    with pytest.raises(AssertionError, match=r"is kept by ldap.*change it there, where it is uid=carla"):
        system.users("set", r"CORP\carla", "--display-name", "Other")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("locked", "changetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"),
        ("leaver", "changetype: delete\n"),
    ],
)
async def test_who_is_locked_or_gone_there_is_refused_by_the_next_request(
    system: System, name: str, change: str
) -> None:
    """Though the password was right a moment ago, and is remembered for a minute."""
    assert system.pox(name).endswith("\n200")
    assert await system.refusal(rf"CORP\{name}") == ""
    system.slapd.change(f"dn: uid={name},{PEOPLE}\n{change}")
    # A mirror that has seen it already makes the proxy forget the password, which is asked for anew then.
    rules = {"locked": {"AccountLocked"}, "leaver": {"NoSuchAccount", "WrongCredentials"}}[name]
    assert system.pox(name)[-3:] in ("401", "403")
    assert await system.refusal(rf"CORP\{name}") != ""
    said = [line for line in system.lab.served.log() if line["event"] in ("refused", "authentication failed")]
    assert {line["rule"] for line in said[-2:]} <= rules
    assert PASSWORD not in str(system.lab.served.log())

"""Whose settings somebody gets, and when there are none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.entries import EntryKind, NewEntry
from rpch.directory.links import DELEGATE, MEMBER
from rpch.exchange.autodiscover.asking import Asking
from rpch.exchange.autodiscover.pox_request import Abilities, PoxRequest
from rpch.exchange.autodiscover.service import Autodiscover
from rpch.exchange.server_names import ServerNames
from rpch.exchange.switches import ORGANISATION, OUTLOOK_ANYWHERE, set_switches, set_user_switches
from tests.unit.exchange.autodiscover.conftest import ALICE, BOB, Office


async def asked(
    office: Office,
    address: str = "alice@lab.example",
    *,
    who: Identity = ALICE,
    client: str = "10.0.0.9",
    capability: int = 0,
    dn: str = "",
) -> str:
    body = PoxRequest(legacy_dn=dn).encode() if dn else PoxRequest(address).encode()
    answer = await office.service.answer(Asking(who, client), body, Abilities(capability))
    return answer.decode()


def code(answer: str) -> int:
    return int(answer.partition("<ErrorCode>")[2].partition("<")[0] or 0)


async def test_a_user_gets_its_own_settings(office: Office) -> None:
    alice = office.entry("alice")
    answer = await asked(office)
    assert "<DisplayName>Alice Adams</DisplayName>" in answer
    assert f"<LegacyDN>{alice.dn}</LegacyDN>" in answer
    assert f"<Server>{alice.guid}@lab.example</Server>" in answer
    assert "<Type>EXPR</Type><Server>mail.lab.example</Server>" in answer


async def test_other_addresses_other_cases_and_the_dn_mean_the_same_mailbox(office: Office) -> None:
    alice = office.entry("alice")
    proxies = {"proxyAddresses": ["SMTP:alice@lab.example", "smtp:al@lab.example"]}
    office.directory.entries.change(replace(alice, attributes=proxies))
    expected = await asked(office)
    assert await asked(office, "ALICE@Lab.Example") == expected
    assert await asked(office, "al@lab.example") == expected
    assert await asked(office, dn=alice.dn.upper()) == expected
    former = {"proxyAddresses": ["SMTP:alice@lab.example", "X500:/o=Old/cn=alice"]}
    office.directory.entries.change(replace(office.entry("alice"), attributes=former))
    assert await asked(office, dn="/o=old/CN=Alice") == expected


async def test_a_group_has_no_mailbox_even_for_its_delegates(office: Office) -> None:
    (group,) = office.directory.entries.add(NewEntry(EntryKind.GROUP, "Staff", mail="staff@lab.example"))
    assert code(await asked(office, "staff@lab.example")) == 500
    office.directory.links.add(group.id, DELEGATE, office.entry("alice").id)
    assert code(await asked(office, "staff@lab.example")) == 501


async def test_version_2_knows_what_other_servers_serve(office: Office) -> None:
    assert list(await office.service.urls()) == ["AutodiscoverV1"]
    given = {"EwsExternalUrl": "https://ex/ews/exchange.asmx", "ActiveSyncExternalUrl": "https://ex/as"}
    set_switches(office.directory.settings, ORGANISATION, given)
    assert await office.service.urls() == {
        "AutodiscoverV1": "https://mail.lab.example/autodiscover/autodiscover.xml",
        "Ews": "https://ex/ews/exchange.asmx",
        "ActiveSync": "https://ex/as",
    }


async def test_unknown_and_forbidden_addresses_look_alike(office: Office) -> None:
    (room,) = office.directory.entries.add(NewEntry(EntryKind.ROOM, "Room", mail="room@lab.example"))
    unknown = await asked(office, "nobody@lab.example")
    assert code(unknown) == 500
    assert await asked(office, "bob@lab.example") == unknown
    assert await asked(office, "room@lab.example") == unknown
    assert await asked(office, dn=room.dn) == unknown
    assert await asked(office, "x" * 5000) == unknown
    assert await asked(office, who=Identity("mallory", "LAB")) == unknown


async def test_an_address_that_two_entries_claim_is_nobodys(office: Office) -> None:
    for name in ("alice", "bob"):
        entry = office.entry(name)
        office.directory.entries.change(
            replace(entry, attributes={"proxyAddresses": ["smtp:us@lab.example"]})
        )
    assert code(await asked(office, "us@lab.example")) == 500


async def test_delegates_get_the_mailbox_they_may_open(office: Office) -> None:
    bob, alice = office.entry("bob"), office.entry("alice")
    office.directory.links.add(bob.id, DELEGATE, alice.id)
    assert "<DisplayName>Bob Brown</DisplayName>" in await asked(office, "bob@lab.example")
    assert code(await asked(office, "alice@lab.example", who=BOB)) == 500


async def test_groups_are_delegates_too(office: Office) -> None:
    add, links = office.directory.entries.add, office.directory.links
    inner, outer = add(NewEntry(EntryKind.GROUP, "Inner"), NewEntry(EntryKind.GROUP, "Outer"))
    links.add(inner.id, MEMBER, office.entry("alice").id)
    links.add(outer.id, MEMBER, inner.id)
    links.add(office.entry("bob").id, DELEGATE, outer.id)
    assert "<DisplayName>Bob Brown</DisplayName>" in await asked(office, "bob@lab.example")


async def test_whoever_has_moved_is_sent_on(office: Office) -> None:
    alice = office.directory.entries.change(
        replace(office.entry("alice"), attributes={"targetAddress": "SMTP:alice@other.example"})
    )
    assert "<RedirectAddr>alice@other.example</RedirectAddr>" in await asked(office)
    alice = office.directory.entries.change(replace(alice, attributes={"targetAddress": "X400:c=US"}))
    assert "<Action>settings</Action>" in await asked(office)
    url = {"AutodiscoverRedirectUrl": "https://other.example/autodiscover/autodiscover.xml"}
    set_user_switches(office.directory.settings, alice.id, url)
    assert f"<RedirectUrl>{url['AutodiscoverRedirectUrl']}</RedirectUrl>" in await asked(office)


@pytest.mark.parametrize("client", ["203.0.113.5", "2001:db8::1", "::ffff:203.0.113.5", "", "nonsense"])
async def test_whoever_is_outside_learns_nothing_of_inside(office: Office, client: str) -> None:
    settings = office.directory.settings
    set_switches(settings, OUTLOOK_ANYWHERE, {"InternalHostname": "inside.lab.example"})
    assert code(await asked(office, client=client)) == 602
    given = {"ExternalHostname": "mail.example.com", "ExternalClientAuthenticationMethod": "Basic"}
    set_switches(settings, OUTLOOK_ANYWHERE, given)
    answer = await asked(office, client=client)
    assert "<Server>mail.example.com</Server><SSL>On</SSL><AuthPackage>Basic</AuthPackage>" in answer
    assert "inside" not in answer


@pytest.mark.parametrize("client", ["10.0.0.9", "::1", "fe80::1%eth0", "::ffff:192.168.1.2"])
async def test_private_networks_are_inside_until_others_are_named(office: Office, client: str) -> None:
    assert "<Type>EXPR</Type>" in await asked(office, client=client)
    set_switches(office.directory.settings, ORGANISATION, {"InternalNetworks": "198.51.100.0/24"})
    assert code(await asked(office, client=client)) == 602
    assert "<Type>EXPR</Type>" in await asked(office, client="198.51.100.7")


async def test_a_blocked_user_has_no_settings_and_that_holds_at_once(office: Office) -> None:
    alice, settings = office.entry("alice"), office.directory.settings
    set_user_switches(settings, alice.id, {"MAPIBlockOutlookRpcHttp": "true"})
    assert code(await asked(office)) == 501
    set_user_switches(settings, alice.id, {"MAPIBlockOutlookRpcHttp": "inherit"})
    assert code(await asked(office)) == 0


async def test_bad_requests_have_their_code(office: Office) -> None:
    answer = await office.service.answer(Asking(ALICE, "10.0.0.1"), b"", Abilities())
    assert code(answer.decode()) == 600


async def test_our_own_mistakes_say_nothing_but_603(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(office.service, "_mailbox", fails)
    answer = await asked(office)
    assert code(answer) == 603
    assert "secret" not in answer


async def test_mailboxes_of_others_are_at_their_servers(office: Office) -> None:
    dn = "/o=Contoso/ou=Group/cn=Recipients/cn=carl"
    account = office.directory.store.add(Identity("carl", "LAB"), "pw", mail="carl@contoso.example")
    (entry,) = office.directory.entries.get(account.entry_id).values()
    office.directory.entries.change(replace(entry, dn=dn))
    database, names = office.directory.database, ServerNames("machine")
    foreign = Autodiscover(database, names, public="mail.contoso.example", foreign=True)
    asking, body = Asking(Identity("carl", "LAB"), "10.0.0.9"), PoxRequest("carl@contoso.example").encode()
    answer = (await foreign.answer(asking, body, Abilities())).decode()
    assert f"<LegacyDN>{dn}</LegacyDN>" in answer
    assert "<ServerDN>/o=Contoso/ou=Group/cn=Configuration/cn=Servers/cn=" in answer

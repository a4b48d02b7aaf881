"""Which server a user is sent to."""

import pytest

from rpch.directory.database import Database
from rpch.directory.entries import Entries, Entry, EntryKind, NewEntry
from rpch.exchange.rfr.interface import GetFqdnRequest, GetNewDsaRequest, Referral
from rpch.exchange.rfr.service import NOT_FOUND, SUCCESS, ReferralService
from tests.address_books import NAMES, enter_account
from tests.calls import Calling

HOST = NAMES.host


@pytest.fixture
def alice(database: Database) -> Entry:
    (alice,) = Entries(database).add(NewEntry(EntryKind.USER, "Alice", mail="alice@x.test"))
    enter_account(database, alice.id, "alice")
    return alice


async def new_dsa(
    database: Database, dn: str, user: str | None = None, *, by_mailbox: bool = True
) -> str | None:
    caller = Calling(ReferralService(database, NAMES, by_mailbox=by_mailbox), user)
    answer = await caller.call(Referral.get_new_dsa, GetNewDsaRequest(0, dn, "x", ""))
    assert (answer.status, answer.unused) == (SUCCESS, None)
    return answer.server


async def fqdn(database: Database, dn: str, *, by_mailbox: bool = True) -> tuple[str | None, int]:
    caller = Calling(ReferralService(database, NAMES, by_mailbox=by_mailbox))
    answer = await caller.call(Referral.get_fqdn_from_server_dn, GetFqdnRequest(0, len(dn) + 1, dn))
    return answer.fqdn, answer.status


async def test_users_are_sent_to_their_mailboxes(database: Database, alice: Entry) -> None:
    mailbox = f"{alice.guid}@x.test"
    assert await new_dsa(database, alice.dn.upper()) == mailbox
    assert await new_dsa(database, "", r"LAB\alice") == mailbox


async def test_others_are_sent_to_the_machine(database: Database, alice: Entry) -> None:
    assert await new_dsa(database, "") == HOST
    assert await new_dsa(database, "", r"LAB\nobody") == HOST
    assert await new_dsa(database, "/o=nobody") == HOST
    assert await new_dsa(database, alice.dn, by_mailbox=False) == HOST


async def test_who_wants_no_name_gets_none(database: Database) -> None:
    caller = Calling(ReferralService(database, NAMES))
    answer = await caller.call(Referral.get_new_dsa, GetNewDsaRequest(0, "", None, None))
    assert (answer.server, answer.status) == (None, SUCCESS)


async def test_a_server_s_dn_has_a_name(database: Database, alice: Entry) -> None:
    target = NAMES.target_of(alice.guid, alice.mail)
    for dn in (NAMES.server_dn(target), NAMES.database_dn(target)):
        assert await fqdn(database, dn) == (target, SUCCESS)
        assert await fqdn(database, dn, by_mailbox=False) == (HOST, SUCCESS)
    assert await fqdn(database, NAMES.server_dn(HOST.upper())) == (HOST, SUCCESS)


@pytest.mark.parametrize(
    "dn",
    [
        NAMES.server_dn("00000000-0000-0000-0000-000000000001@x.test"),
        NAMES.server_dn("another.test"),
        "/o=First Organization/cn=x",
        "\xff" * 20,
    ],
)
async def test_the_dns_of_others_are_not_found(database: Database, dn: str) -> None:
    assert await fqdn(database, dn) == (None, NOT_FOUND)

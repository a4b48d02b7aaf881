"""Clients read what servers answer, and nothing that is no answer."""

from __future__ import annotations

from uuid import UUID

import pytest

from rpch.errors import DecodeError
from rpch.exchange.autodiscover.pox_answer import (
    Exch,
    MapiHttp,
    Protocol,
    User,
    error_document,
    redirect_address_document,
    redirect_url_document,
    settings_document,
)
from rpch.exchange.autodiscover.pox_request import ErrorCode
from rpch.exchange.autodiscover.pox_settings import (
    AskAt,
    AskWith,
    MailboxSettings,
    NoSettings,
    ProtocolSettings,
    read_answer,
)
from tests.unit.exchange.autodiscover.conftest import NOW

JANE = User("Jane", "/o=Org/cn=jane", "jane@contoso.com", UUID(int=1))


def test_our_own_answers_are_read() -> None:
    protocols: list[Protocol] = [
        MapiHttp("", "https://m/mapi", "g@c"),
        Exch("g@c", "/o=s", "/o=s/cn=d", "73C0834F"),
    ]
    found = read_answer(settings_document(JANE, protocols))
    assert isinstance(found, MailboxSettings)
    assert (found.display_name, found.legacy_dn, found.address) == (
        "Jane",
        "/o=Org/cn=jane",
        "jane@contoso.com",
    )
    mapi, exch = found.protocols
    assert mapi == ProtocolSettings(
        "mapiHttp",
        {
            "MailStore.ExternalUrl": "https://m/mapi/emsmdb/?MailboxId=g@c",
            "AddressBook.ExternalUrl": "https://m/mapi/nspi/?MailboxId=g@c",
        },
    )
    assert exch.kind == "EXCH"
    assert exch.values["MdbDN"] == "/o=s/cn=d"
    assert found.facts()["protocols"][1]["type"] == "EXCH"


def test_redirections_and_errors_are_read() -> None:
    assert read_answer(redirect_address_document("a@b.c")) == AskWith("a@b.c")
    assert read_answer(redirect_url_document("https://b.c/x?y&z")) == AskAt("https://b.c/x?y&z")
    sent = error_document(ErrorCode.NO_SETTINGS, "none", NOW)
    assert read_answer(sent) == NoSettings("501", "none")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<html/>",
        b"<Autodiscover/>",
        b"<Autodiscover><Response/></Autodiscover>",
        b"<Autodiscover><Response><Account/></Response></Autodiscover>",
        b"<Autodiscover><Response><Account><Action>x</Action></Account></Response></Autodiscover>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Autodiscover/>',
    ],
)
def test_what_is_no_answer_is_refused(sent: bytes) -> None:
    with pytest.raises(DecodeError):
        read_answer(sent)


def test_an_answer_without_a_user_still_has_its_protocols() -> None:
    found = read_answer(
        b"<Autodiscover><Response><Account><Action>settings</Action><Protocol><Type>WEB</Type></Protocol>"
        b"</Account></Response></Autodiscover>"
    )
    assert found == MailboxSettings("", "", "", (ProtocolSettings("WEB"),))

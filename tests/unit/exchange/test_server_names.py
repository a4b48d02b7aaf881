"""Names of servers and databases, there and back."""

from uuid import UUID

import pytest

from rpch.exchange.server_names import ServerNames, mailbox_of

NAMES = ServerNames("mail.example.test")
GUID = UUID("e647239d-13eb-4efa-8868-8dd5a4f09466")
TARGET = f"{GUID}@lab.example"


def test_a_mailbox_is_its_own_server() -> None:
    assert NAMES.target_of(GUID, "Alice@LAB.example") == TARGET
    assert NAMES.target_of(GUID, None) == "mail.example.test"
    assert NAMES.target_of(GUID, "no address") == "mail.example.test"


def test_dns_lead_back_to_the_target_in_any_case() -> None:
    server, database = NAMES.server_dn(TARGET), NAMES.database_dn(TARGET)
    assert server.endswith(f"/cn=Configuration/cn=Servers/cn={TARGET}")
    assert database == f"{server}/cn=Microsoft Private MDB"
    for dn in (server, database, server.upper(), database.lower()):
        assert (NAMES.target_in(dn) or "").lower() == TARGET
    assert NAMES.is_database(database.upper())
    assert not NAMES.is_database(server)


@pytest.mark.parametrize(
    "dn", ["", "/", "/o=Other/ou=x/cn=Configuration/cn=Servers/cn=y", "/o=First Organization"]
)
def test_other_dns_name_no_server(dn: str) -> None:
    assert NAMES.target_in(dn) is None


def test_a_dn_below_a_server_that_is_no_database_names_none() -> None:
    assert NAMES.target_in(f"{NAMES.server_dn('x')}/cn=Something") is None
    assert NAMES.target_in(NAMES.server_dn("")) is None


def test_a_target_tells_its_mailbox() -> None:
    assert mailbox_of(TARGET) == GUID
    for other in ("mail.example.test", f"{GUID}", f"{GUID}@", "x" * 36 + "@lab.example", "@lab.example"):
        assert mailbox_of(other) is None


def test_servers_of_others_are_called_by_their_organisation() -> None:
    names = ServerNames("machine").beside("/o=Contoso/OU=Exchange Group/cn=Recipients/cn=jane")
    dn = "/o=Contoso/ou=Exchange Group/cn=Configuration/cn=Servers/cn=x@contoso.com"
    assert names.server_dn("x@contoso.com") == dn
    assert names.target_in(dn) == "x@contoso.com"
    assert ServerNames("machine").beside("cn=jane,dc=contoso") == ServerNames("machine")

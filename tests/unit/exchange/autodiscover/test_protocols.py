"""Which ways to a mailbox a client is told."""

from __future__ import annotations

import pytest

from rpch.exchange.autodiscover.pox_answer import Exch, Expr, MapiHttp, Protocol, Web
from rpch.exchange.autodiscover.pox_request import CannotAnswer, ErrorCode
from rpch.exchange.autodiscover.protocols import Asker, packed_version, protocols_for
from rpch.exchange.server_names import ServerNames
from rpch.exchange.switches import MAPI, ORGANISATION, OUTLOOK_ANYWHERE, set_switches, set_user_switches
from tests.unit.exchange.autodiscover.conftest import Office

INSIDE, OUTSIDE = Asker("mail.lab.example:8443", inside=True), Asker("mail.lab.example:8443", inside=False)
MAPI_INSIDE = Asker("mail.lab.example:8443", inside=True, capability=1)
MAPI_OUTSIDE = Asker("mail.lab.example:8443", inside=False, capability=1)


def told(office: Office, asker: Asker) -> list[Protocol]:
    names = ServerNames("machine.lab.example")
    return protocols_for(office.directory.settings, names, office.entry("alice"), asker)


def kinds(protocols: list[Protocol]) -> list[type[Protocol]]:
    return [type(protocol) for protocol in protocols]


def test_versions_are_packed_as_exchange_does() -> None:
    assert packed_version(15, 0, 847) == "73C0834F"


def test_rpc_over_http_is_what_there_is_by_itself(office: Office) -> None:
    assert kinds(told(office, INSIDE)) == kinds(told(office, MAPI_INSIDE)) == [Exch, Expr]


def test_each_side_has_its_own_host_tls_and_method(office: Office) -> None:
    given = {
        "ExternalHostname": "mail.example.com",
        "InternalClientsRequireSsl": "false",
        "InternalClientAuthenticationMethod": "Ntlm",
        "ExternalClientAuthenticationMethod": "Basic",
    }
    set_switches(office.directory.settings, OUTLOOK_ANYWHERE, given)
    assert told(office, INSIDE)[1] == Expr("mail.lab.example:8443", tls=False, method="Ntlm")
    assert told(office, OUTSIDE)[1] == Expr("mail.example.com", tls=True, method="Basic")


def test_mapi_over_http_replaces_it_for_whoever_can_and_may(office: Office) -> None:
    settings = office.directory.settings
    set_switches(settings, ORGANISATION, {"MapiHttpEnabled": "true"})
    target = f"{office.entry('alice').guid}@lab.example"
    assert told(office, MAPI_INSIDE) == [MapiHttp("https://mail.lab.example:8443/mapi", "", target)]
    assert kinds(told(office, INSIDE)) == [Exch, Expr]
    set_user_switches(settings, office.entry("alice").id, {"MapiHttpEnabled": "false"})
    assert kinds(told(office, MAPI_INSIDE)) == [Exch, Expr]


def test_outside_only_external_urls_are_told(office: Office) -> None:
    settings = office.directory.settings
    set_switches(settings, ORGANISATION, {"MapiHttpEnabled": "true"})
    set_switches(settings, MAPI, {"InternalUrl": "https://in/mapi"})
    with pytest.raises(CannotAnswer):
        told(office, MAPI_OUTSIDE)
    set_switches(settings, MAPI, {"ExternalUrl": "https://out/mapi"})
    target = f"{office.entry('alice').guid}@lab.example"
    assert told(office, MAPI_OUTSIDE) == [MapiHttp("", "https://out/mapi", target)]
    assert told(office, MAPI_INSIDE) == [MapiHttp("https://in/mapi", "https://out/mapi", target)]


def test_a_blocked_user_is_told_mapi_over_http_or_nothing(office: Office) -> None:
    settings = office.directory.settings
    set_user_switches(settings, office.entry("alice").id, {"MAPIBlockOutlookRpcHttp": "true"})
    with pytest.raises(CannotAnswer) as caught:
        told(office, MAPI_INSIDE)
    assert caught.value.code is ErrorCode.NO_SETTINGS
    set_switches(settings, ORGANISATION, {"MapiHttpEnabled": "true"})
    assert kinds(told(office, MAPI_INSIDE)) == [MapiHttp]


def test_webmail_comes_last_and_by_side(office: Office) -> None:
    given = {"OwaInternalUrl": "https://in/owa", "OwaExternalUrl": "https://out/owa"}
    set_switches(office.directory.settings, ORGANISATION, given)
    set_switches(office.directory.settings, OUTLOOK_ANYWHERE, {"ExternalHostname": "out"})
    assert told(office, INSIDE)[2] == Web("https://in/owa", "https://out/owa")
    assert told(office, OUTSIDE)[2] == Web("", "https://out/owa")

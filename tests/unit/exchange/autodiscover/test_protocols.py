"""Which ways to a mailbox a client is told."""

from __future__ import annotations

import pytest

from rpch.auth.schemes import Scheme
from rpch.exchange.autodiscover.pox_answer import Exch, ExHttp, Expr, MapiHttp, Protocol, Services, Web
from rpch.exchange.autodiscover.pox_request import Abilities, CannotAnswer, ErrorCode
from rpch.exchange.autodiscover.protocols import Asker, packed_version, protocols_for
from rpch.exchange.server_names import ServerNames
from rpch.exchange.switches import MAPI, ORGANISATION, OUTLOOK_ANYWHERE, set_switches, set_user_switches
from tests.unit.exchange.autodiscover.conftest import Office

INSIDE, OUTSIDE = Asker("mail.lab.example:8443", inside=True), Asker("mail.lab.example:8443", inside=False)
MAPI_INSIDE = Asker("mail.lab.example:8443", inside=True, abilities=Abilities(1))
MAPI_OUTSIDE = Asker("mail.lab.example:8443", inside=False, abilities=Abilities(1))


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


KNOWS = Abilities(handles=frozenset({"exhttpinfo"}))
SIDES = {"InternalHostname": "in.lab.example", "ExternalHostname": "out.example.com"}
IN, OUT = "in.lab.example", "out.example.com"


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("external", [True, False])
@pytest.mark.parametrize("knows", [True, False])
@pytest.mark.parametrize("blocked", [True, False])
@pytest.mark.parametrize("mapi", [True, False])
def test_the_answer_follows_switches_network_and_client(
    office: Office, *, inside: bool, external: bool, knows: bool, blocked: bool, mapi: bool
) -> None:
    settings = office.directory.settings
    set_switches(settings, OUTLOOK_ANYWHERE, SIDES if external else {"InternalHostname": IN})
    set_switches(settings, ORGANISATION, {"MapiHttpEnabled": str(mapi)})
    set_switches(settings, MAPI, {"ExternalUrl": "https://out/mapi" if external else ""})
    set_user_switches(settings, office.entry("alice").id, {"MAPIBlockOutlookRpcHttp": str(blocked)})
    handles = KNOWS.handles if knows else frozenset()
    asker = Asker("public", inside=inside, abilities=Abilities(1, handles))
    may_mapi = mapi and (inside or external)
    sides = ([IN] if inside else []) + ([OUT] if external else [])
    if not may_mapi and (blocked or not sides):
        with pytest.raises(CannotAnswer) as caught:
            told(office, asker)
        assert caught.value.code == (501 if blocked else 602)
        return
    found = told(office, asker)
    if may_mapi:
        assert kinds(found) == [MapiHttp]
        return
    assert kinds(found) == [Exch, Expr, *([ExHttp] * len(sides) if knows else [])]
    assert [one.host for one in found if isinstance(one, Expr)] == sides[:1]
    assert [one.host for one in found if isinstance(one, ExHttp)] == (sides if knows else [])


@pytest.mark.parametrize(
    ("said", "offered", "knows", "method"),
    [
        ("", tuple(Scheme), True, "Negotiate"),
        ("", tuple(Scheme), False, "Ntlm"),
        ("", (Scheme.NEGOTIATE,), False, "Ntlm"),
        ("", (Scheme.BASIC,), True, "Basic"),
        ("", (), True, "Basic"),
        ("Negotiate", (Scheme.BASIC,), False, "Ntlm"),
        ("Negotiate", (Scheme.BASIC,), True, "Negotiate"),
        ("Basic", (Scheme.NEGOTIATE, Scheme.NTLM), True, "Basic"),
    ],
)
def test_the_method_is_what_is_said_else_the_best_that_is_offered_and_known(
    office: Office, said: str, offered: tuple[Scheme, ...], knows: bool, method: str
) -> None:
    set_switches(office.directory.settings, OUTLOOK_ANYWHERE, {"InternalClientAuthenticationMethod": said})
    abilities = Abilities(handles=frozenset({"negotiate"} if knows else ()))
    _, expr = told(office, Asker("public", inside=True, abilities=abilities, offered=frozenset(offered)))
    assert isinstance(expr, Expr)
    assert expr.method == method


def test_web_services_are_told_by_side_where_some_server_has_them(office: Office) -> None:
    settings = office.directory.settings
    set_switches(settings, OUTLOOK_ANYWHERE, SIDES)
    set_switches(settings, ORGANISATION, {"EwsExternalUrl": "https://out/ews"})
    knowing = Asker("public", inside=True, abilities=KNOWS)
    assert {one.services for one in told(office, knowing) if not isinstance(one, MapiHttp | Web)} == {
        Services("https://out/ews")
    }
    set_switches(settings, ORGANISATION, {"EwsInternalUrl": "https://in/ews"})
    services = [one.services.ews for one in told(office, knowing) if not isinstance(one, MapiHttp | Web)]
    assert services == ["https://in/ews"] * 3 + ["https://out/ews"]

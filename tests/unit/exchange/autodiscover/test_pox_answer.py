"""The documents that clients get."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from rpch.exchange.autodiscover.hostile_xml import child, children, read_xml, text_of
from rpch.exchange.autodiscover.pox_answer import (
    Exch,
    ExHttp,
    Expr,
    MapiHttp,
    Services,
    User,
    Web,
    error_document,
    redirect_address_document,
    redirect_url_document,
    settings_document,
)
from rpch.exchange.autodiscover.pox_request import ErrorCode

USER = User("Jane <Dow> & \x01", "/o=Org/cn=jane", "jane@contoso.com", UUID(int=7))
OUTER = "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}"
INNER = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"


def test_both_namespaces_are_where_outlook_wants_them() -> None:
    root = read_xml(settings_document(USER, []))
    assert root.tag == f"{OUTER}Autodiscover"
    assert [each.tag for each in root] == [f"{INNER}Response"]
    assert {each.tag.partition("}")[0] for each in root[0].iter()} == {INNER[:-1]}


def test_the_user_is_told_with_what_xml_cannot_hold_replaced() -> None:
    (user, account) = read_xml(settings_document(USER, []))[0]
    assert text_of(user, "DisplayName") == "Jane <Dow> & \ufffd"
    assert text_of(user, "LegacyDN") == "/o=Org/cn=jane"
    assert text_of(user, "AutoDiscoverSMTPAddress") == "jane@contoso.com"
    assert text_of(user, "DeploymentId") == str(UUID(int=7))
    assert (text_of(account, "AccountType"), text_of(account, "Action")) == ("email", "settings")


def test_a_user_without_an_address_has_no_such_element() -> None:
    (user, _) = read_xml(settings_document(User("J", "/o=O", "", UUID(int=7)), []))[0]
    assert child(user, "AutoDiscoverSMTPAddress") is None


def test_mapi_over_http_is_told_by_attribute_and_by_the_urls_there_are() -> None:
    whole = MapiHttp("https://in/mapi", "https://out/mapi", "guid@contoso.com")
    (_, account) = read_xml(settings_document(USER, [whole]))[0]
    (protocol,) = children(account, "Protocol")
    assert protocol.attrib == {"Type": "mapiHttp", "Version": "1"}
    assert child(protocol, "Type") is None
    store, book = protocol
    assert text_of(store, "InternalUrl") == "https://in/mapi/emsmdb/?MailboxId=guid@contoso.com"
    assert text_of(book, "ExternalUrl") == "https://out/mapi/nspi/?MailboxId=guid@contoso.com"
    (_, account) = read_xml(settings_document(USER, [MapiHttp("", "https://out/mapi", "g@c")]))[0]
    assert b"InternalUrl" not in settings_document(USER, [MapiHttp("", "https://out/mapi", "g@c")])


def test_rpc_over_http_is_a_server_and_a_proxy() -> None:
    exch = Exch("guid@contoso.com", "/o=Org/cn=guid", "/o=Org/cn=guid/cn=Microsoft Private MDB", "73C0834F")
    (_, account) = read_xml(settings_document(USER, [exch, Expr("mail", tls=False, method="Ntlm")]))[0]
    server, proxy = children(account, "Protocol")
    assert [text_of(server, name) for name in ("Type", "Server", "ServerVersion", "AuthPackage")] == [
        "EXCH",
        "guid@contoso.com",
        "73C0834F",
        "anonymous",
    ]
    assert [
        text_of(proxy, name) for name in ("Type", "Server", "SSL", "AuthPackage", "CertPrincipalName")
    ] == [
        "EXPR",
        "mail",
        "Off",
        "Ntlm",
        "None",
    ]


def test_exhttp_has_what_server_and_proxy_have() -> None:
    sent = settings_document(
        USER, [ExHttp("mail", tls=True, method="Basic", services=Services("https://mail/ews"))]
    )
    assert (
        b"<Protocol><Type>EXHTTP</Type><Server>mail</Server><SSL>On</SSL><AuthPackage>Basic</AuthPackage>"
        b"<CertPrincipalName>None</CertPrincipalName><ServerExclusiveConnect>on</ServerExclusiveConnect>"
        b"<ASUrl>https://mail/ews</ASUrl><EwsUrl>https://mail/ews</EwsUrl><OOFUrl>https://mail/ews</OOFUrl>"
        b"</Protocol>"
    ) in sent


def test_webmail_is_told_for_the_sides_that_have_it() -> None:
    sent = settings_document(USER, [Web("", "https://mail.contoso.com/owa")])
    assert b">https://mail.contoso.com/owa/</OWAUrl></External>" in sent
    assert b"<Internal>" not in sent


def test_redirections_say_where_to() -> None:
    sent = redirect_address_document("jane@other.com")
    assert b"<Action>redirectAddr</Action><RedirectAddr>jane@other.com</RedirectAddr>" in sent
    sent = redirect_url_document("https://other.com/a?b&c")
    assert b"<Action>redirectUrl</Action><RedirectUrl>https://other.com/a?b&amp;c</RedirectUrl>" in sent


def test_errors_have_time_number_code_and_message() -> None:
    sent = error_document(
        ErrorCode.BAD_REQUEST, "Invalid Request", datetime(2026, 1, 2, 10, 11, 12, 123456, UTC)
    )
    assert sent == (
        b'<?xml version="1.0" encoding="utf-8"?>\n'
        b'<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">'
        b'<Response><Error Time="10:11:12.1234560" Id="2477272013"><ErrorCode>600</ErrorCode>'
        b"<Message>Invalid Request</Message><DebugData /></Error></Response></Autodiscover>"
    )

"""What clients ask for, in every spelling they use."""

from __future__ import annotations

import pytest

from rpch.exchange.autodiscover.pox_request import (
    OUTLOOK_SCHEMA,
    REQUEST_SCHEMA,
    Abilities,
    CannotAnswer,
    ErrorCode,
    PoxRequest,
)

JANE = PoxRequest("jane@contoso.com")
SCHEMA = f"<AcceptableResponseSchema>{OUTLOOK_SCHEMA}</AcceptableResponseSchema>"


def body(inner: str, namespace: str = f' xmlns="{REQUEST_SCHEMA}"') -> bytes:
    return f"<Autodiscover{namespace}><Request>{inner}</Request></Autodiscover>".encode()


def test_our_own_requests_are_read() -> None:
    assert PoxRequest.decode(JANE.encode()) == JANE
    by_dn = PoxRequest(legacy_dn="/o=Org/cn=jane")
    assert PoxRequest.decode(by_dn.encode()) == by_dn


@pytest.mark.parametrize(
    "sent",
    [
        body(f"<EMailAddress>jane@contoso.com</EMailAddress>{SCHEMA}"),
        body(f"{SCHEMA}<EMailAddress> jane@contoso.com\n</EMailAddress>"),
        body(f"<EMailAddress>jane@contoso.com</EMailAddress>{SCHEMA}", ""),
        body(f"<emailaddress>jane@contoso.com</emailaddress>{SCHEMA}", ' xmlns="urn:other"'),
        body(f"<EMailAddress>jane@contoso.com</EMailAddress>{SCHEMA.replace('http:', 'https:')}"),
        body(f"<EMailAddress>jane@contoso.com</EMailAddress>{SCHEMA.replace('2006a', '2006A')}"),
        body(f"<X/><EMailAddress>jane@contoso.com</EMailAddress><LegacyDN/>{SCHEMA}"),
        b"\xef\xbb\xbf" + body(f"<EMailAddress>jane@contoso.com</EMailAddress>{SCHEMA}"),
        f'<a:Autodiscover xmlns:a="{REQUEST_SCHEMA}"><a:Request><a:EMailAddress>jane@contoso.com'
        f"</a:EMailAddress><a:AcceptableResponseSchema>{OUTLOOK_SCHEMA}</a:AcceptableResponseSchema>"
        f"</a:Request></a:Autodiscover>".encode(),
    ],
)
def test_namespace_prefix_order_and_case_mean_nothing(sent: bytes) -> None:
    assert PoxRequest.decode(sent) == JANE


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", 600),
        (b"<html/>", 600),
        (b"<Autodiscover/>", 600),
        (body(SCHEMA), 600),
        (body("<EMailAddress/>" + SCHEMA), 600),
        (b'<!DOCTYPE a [<!ENTITY x "y">]>' + body(f"<EMailAddress>&x;</EMailAddress>{SCHEMA}"), 600),
        (body("<EMailAddress>jane@contoso.com</EMailAddress>"), 601),
        (body(f"<EMailAddress>j@c</EMailAddress>{SCHEMA.replace('outlook', 'mobilesync')}"), 601),
        (body(f"<EMailAddress>j@c</EMailAddress>{SCHEMA.replace('http://', '')}"), 601),
    ],
)
def test_what_is_wrong_has_its_code(sent: bytes, code: int) -> None:
    with pytest.raises(CannotAnswer) as caught:
        PoxRequest.decode(sent)
    assert caught.value.code == code
    assert str(caught.value).startswith(str(code))


def test_codes_are_those_of_the_specification() -> None:
    assert [int(code) for code in ErrorCode] == [500, 501, 600, 601, 602, 603]


@pytest.mark.parametrize(
    ("header", "version"),
    [("", 0), ("1", 1), (" 2 ", 2), ("-1", 0), ("x", 0), ("9" * 20, 0), ("²", 0)],
)
def test_the_capability_is_a_number_or_none(header: str, version: int) -> None:
    assert Abilities.read({"x-mapihttpcapability": header}).mapi_http == version


def test_abilities_are_named_in_any_case_and_none_is_assumed() -> None:
    assert Abilities.read({}) == Abilities(handles=frozenset({""}))
    assert not Abilities.read({}).negotiate
    can = Abilities.read({"x-clientcanhandle": "negotiate , ExHttpInfo,unknown"})
    assert can.negotiate
    assert can.exhttp


def test_the_dn_is_what_counts_where_both_are() -> None:
    both = body(f"<EMailAddress>j@c</EMailAddress><LegacyDN>/o=x/cn=y</LegacyDN>{SCHEMA}")
    assert PoxRequest.decode(both) == PoxRequest(legacy_dn="/o=x/cn=y")

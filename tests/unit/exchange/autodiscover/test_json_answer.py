"""Autodiscover v2 says one URL, and the same about everybody."""

import json

import pytest

from rpch.exchange.autodiscover.json_answer import json_answer


@pytest.mark.parametrize("query", [{"Protocol": "AutodiscoverV1"}, {"protocol": "autodiscoverv1", "x": "y"}])
def test_the_url_of_the_xml_service_is_told(query: dict[str, str]) -> None:
    status, body = json_answer("jane@contoso.com", query, "mail.contoso.com")
    assert status == 200
    url = "https://mail.contoso.com/autodiscover/autodiscover.xml"
    assert json.loads(body) == {"Protocol": "AutodiscoverV1", "Url": url}


def test_the_address_may_be_in_the_query_and_changes_nothing() -> None:
    known = json_answer("", {"Email": "jane@contoso.com", "Protocol": "AutodiscoverV1"}, "mail")
    assert known == json_answer("nobody@elsewhere", {"Protocol": "AutodiscoverV1"}, "mail")


@pytest.mark.parametrize(
    ("address", "query", "code"),
    [
        ("", {"Protocol": "AutodiscoverV1"}, "MandatoryParameterMissing"),
        ("jane@contoso.com", {}, "MissingProtocol"),
        ("jane@contoso.com", {"Protocol": "Ews"}, "ProtocolNotSupported"),
        ("jane@contoso.com", {"Protocol": "ActiveSync"}, "ProtocolNotSupported"),
        ("jane@contoso.com", {"Protocol": "<x>"}, "ProtocolNotSupported"),
    ],
)
def test_what_is_not_served_is_an_error(address: str, query: dict[str, str], code: str) -> None:
    status, body = json_answer(address, query, "mail")
    assert (status, json.loads(body)["ErrorCode"]) == (400, code)
    assert b"<x>" not in body

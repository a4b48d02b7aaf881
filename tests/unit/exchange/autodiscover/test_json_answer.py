"""Autodiscover v2 says one URL, and the same about everybody."""

import json

import pytest

from rpch.exchange.autodiscover.json_answer import json_answer

URLS = {"AutodiscoverV1": "https://mail.contoso.com/autodiscover/autodiscover.xml"}


@pytest.mark.parametrize("query", [{"Protocol": "AutodiscoverV1"}, {"protocol": "autodiscoverv1", "x": "y"}])
def test_the_url_of_the_xml_service_is_told(query: dict[str, str]) -> None:
    status, body = json_answer("jane@contoso.com", query, URLS)
    assert status == 200
    assert json.loads(body) == {"Protocol": "AutodiscoverV1", "Url": URLS["AutodiscoverV1"]}


@pytest.mark.parametrize("protocol", ["Ews", "EWS", " ews "])
def test_other_protocols_are_told_where_there_are_any(protocol: str) -> None:
    status, body = json_answer("jane@contoso.com", {"Protocol": protocol}, URLS | {"Ews": "https://ews"})
    assert (status, json.loads(body)) == (200, {"Protocol": "Ews", "Url": "https://ews"})


def test_the_address_may_be_in_the_query_and_changes_nothing() -> None:
    known = json_answer("", {"Email": "jane@contoso.com", "Protocol": "AutodiscoverV1"}, URLS)
    assert known == json_answer("nobody@elsewhere", {"Protocol": "AutodiscoverV1"}, URLS)


@pytest.mark.parametrize(
    ("address", "query", "code"),
    [
        ("", {"Protocol": "AutodiscoverV1"}, "MandatoryParameterMissing"),
        (" ", {"Protocol": "AutodiscoverV1", "Email": ""}, "MandatoryParameterMissing"),
        ("jane@contoso.com", {}, "MissingProtocol"),
        ("jane@contoso.com", {"Protocol": "Ews"}, "ProtocolNotSupported"),
        ("jane@contoso.com", {"Protocol": "ActiveSync"}, "ProtocolNotSupported"),
        ("jane@contoso.com", {"Protocol": "<x>"}, "ProtocolNotSupported"),
    ],
)
def test_what_is_not_served_is_an_error(address: str, query: dict[str, str], code: str) -> None:
    status, body = json_answer(address, query, URLS)
    assert (status, json.loads(body)["ErrorCode"]) == (400, code)
    assert b"<x>" not in body

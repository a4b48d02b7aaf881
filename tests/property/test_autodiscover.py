"""Whatever stands in a directory or a request, Autodiscover's documents say it; all else is refused."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.errors import RemoteProtocolError
from rpch.exchange.autodiscover.json_answer import json_answer
from rpch.exchange.autodiscover.pox_answer import Expr, User, settings_document
from rpch.exchange.autodiscover.pox_request import PoxRequest
from rpch.exchange.autodiscover.pox_settings import MailboxSettings, read_answer

# What XML can hold, and what the ends of a text may be: whoever reads strips them.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zs", "Zl", "Zp"]), min_size=1, max_size=40
)
URLS = {"AutodiscoverV1": "https://mail/autodiscover/autodiscover.xml", "Ews": "https://mail/ews"}


@given(TEXTS)
def test_requests_come_back_as_they_were(text: str) -> None:
    assert PoxRequest.decode(PoxRequest(text).encode()) == PoxRequest(text)
    assert PoxRequest.decode(PoxRequest(legacy_dn=text).encode()) == PoxRequest(legacy_dn=text)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_answers_say_what_stands_in_the_directory(name: str, dn: str, address: str, host: str) -> None:
    sent = settings_document(User(name, dn, address, UUID(int=1)), [Expr(host, tls=True, method="Ntlm")])
    found = read_answer(sent)
    assert isinstance(found, MailboxSettings)
    assert (found.display_name, found.legacy_dn, found.address) == (name, dn, address)
    assert found.protocols[0].values["Server"] == host


@given(st.text(max_size=40))
def test_no_text_makes_a_document_that_cannot_be_read(text: str) -> None:
    sent = settings_document(User(text, text, text, UUID(int=1)), [])
    assert isinstance(read_answer(sent), MailboxSettings)


@given(st.binary(max_size=300) | TEXTS.map(lambda text: f"<a>{text}</a>".encode()))
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    for read in (PoxRequest.decode, read_answer):
        with pytest.raises(RemoteProtocolError):
            read(data)


@given(
    st.text(max_size=40), st.dictionaries(st.sampled_from(["Protocol", "EMAIL", "x"]), st.text(max_size=40))
)
def test_version_2_answers_everything_in_its_own_shape(address: str, query: dict[str, str]) -> None:
    status, body = json_answer(address, query, URLS)
    said = json.loads(body)
    assert set(said) == ({"Protocol", "Url"} if status == 200 else {"ErrorCode", "ErrorMessage"})

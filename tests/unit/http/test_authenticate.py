"""Offers and credentials, cut out of their fields."""

from __future__ import annotations

import pytest

from rpch.errors import DecodeError
from rpch.http.authenticate import (
    MAX_TOKEN,
    Challenge,
    Credentials,
    decode_token,
    read_challenges,
    read_credentials,
)

BASIC = Challenge("Basic", None, (("realm", "a b"), ("charset", "UTF-8")))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        (["Negotiate", "NTLM", 'Basic realm="a b", charset="UTF-8"'], ["Negotiate", "NTLM", BASIC]),
        (['Negotiate, NTLM, Basic realm="a b", charset="UTF-8"'], ["Negotiate", "NTLM", BASIC]),
        (['Basic realm="a b", charset="UTF-8", NTLM'], [BASIC, "NTLM"]),
        (['Basic realm="a b" , charset = "UTF-8",, Negotiate ,'], [BASIC, "Negotiate"]),
        (["NTLM TlRMTVNTUAAC="], [Challenge("NTLM", "TlRMTVNTUAAC=")]),
        (
            ["NTLM TlRMTVNTUAAC==, Basic realm=x"],
            [Challenge("NTLM", "TlRMTVNTUAAC=="), Challenge("Basic", None, (("realm", "x"),))],
        ),
        (["  NTLM\t"], ["NTLM"]),
        (
            ['Digest realm="a \\"b\\", c", qop=auth'],
            [Challenge("Digest", None, (("realm", 'a "b", c'), ("qop", "auth")))],
        ),
        (
            ['Bearer client_id="x", trusted_issuers="y@*"'],
            [Challenge("Bearer", None, (("client_id", "x"), ("trusted_issuers", "y@*")))],
        ),
        (["", ",", " , "], []),
    ],
)
def test_offers_come_in_one_field_or_in_several(values: list[str], expected: list[str | Challenge]) -> None:
    wanted = tuple(Challenge(it) if isinstance(it, str) else it for it in expected)
    assert read_challenges(values) == wanted


@pytest.mark.parametrize(
    "value",
    [
        'NTLM, Basic realm="unfinished',
        "NTLM, @",
        "NTLM, a@b",
        'NTLM, Basic "realm"',
        "NTLM, =",
    ],
)
def test_what_makes_no_sense_ends_its_field(value: str) -> None:
    assert read_challenges([value, "Negotiate"]) == (Challenge("NTLM"), Challenge("Negotiate"))


def test_schemes_and_parameters_are_found_in_any_case() -> None:
    assert BASIC.offers("basic")
    assert not BASIC.offers("NTLM")
    assert BASIC.parameter("Realm") == "a b"
    assert BASIC.parameter("nonce") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("NTLM TlRM", Credentials("NTLM", "TlRM")),
        ("basic \t dTpw", Credentials("basic", "dTpw")),
        ('Digest username="a", uri="/"', Credentials("Digest", 'username="a", uri="/"')),
        ("Negotiate", None),
        ("Negotiate ", None),
        ("dTpw=", None),
        ("", None),
        ("@ x", None),
    ],
)
def test_credentials_are_a_scheme_and_a_token(value: str, expected: Credentials | None) -> None:
    assert read_credentials(value) == expected


def test_tokens_are_not_shown() -> None:
    assert "TlRM" not in repr(read_credentials("NTLM TlRM"))
    assert "TlRM" not in repr(read_challenges(["NTLM TlRM"]))


def test_a_token_is_padded_base64() -> None:
    assert Credentials("NTLM", "TlRMTVNTUAAB").decode() == b"NTLMSSP\0\x01"
    assert decode_token("YQ==") == b"a"
    assert decode_token("/+8=") == b"\xff\xef"


@pytest.mark.parametrize(
    "token",
    ["", "YQ", "YQ=", "YQ===", "YWFh=", "Y", "Y===", "=YQ=", "YQ==YQ==", "Y Q=", "YQ==\n", "_-8=", "Yä=="],
)
def test_other_forms_of_base64_are_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_token(token)
    assert str(caught.value) == "the token is not base64, at byte 0"


def test_a_token_has_a_limit() -> None:
    assert len(decode_token("AAAA" * (MAX_TOKEN // 3))) <= MAX_TOKEN
    with pytest.raises(DecodeError, match="more than"):
        decode_token("AAAA" * (MAX_TOKEN // 3 + 3))

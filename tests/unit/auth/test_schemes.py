"""Schemes and their headers."""

from __future__ import annotations

import base64

import pytest

from rpch.auth.schemes import TOKEN_LIMIT, Scheme, offer, parse_schemes, read_authorization, with_token


@pytest.mark.parametrize(
    ("value", "scheme", "token"),
    [
        ("Basic YTpi", Scheme.BASIC, b"a:b"),
        ("bAsIc   YTpi ", Scheme.BASIC, b"a:b"),
        ("NTLM TlRMTQ==", Scheme.NTLM, b"NTLM"),
        ("NEGOTIATE YIA=", Scheme.NEGOTIATE, b"\x60\x80"),
        ("Basic", Scheme.BASIC, None),
        ("Basic ", Scheme.BASIC, None),
        ("Basic YTpi=", Scheme.BASIC, None),
        ("Basic YTp", Scheme.BASIC, None),
        ("Basic YT pi", Scheme.BASIC, None),
        ("Basic -_-_", Scheme.BASIC, None),
        ("Basic YT\u00e4i", Scheme.BASIC, None),
        ("Digest YTpi", None, None),
        ("", None, None),
    ],
)
def test_an_authorization_is_read(value: str, scheme: Scheme | None, token: bytes | None) -> None:
    assert read_authorization(value) == (scheme, token)


def test_tokens_have_a_limit() -> None:
    fits = base64.b64encode(bytes(TOKEN_LIMIT)).decode()
    too_long = base64.b64encode(bytes(TOKEN_LIMIT + 1)).decode()
    assert read_authorization(f"Negotiate {fits}") == (Scheme.NEGOTIATE, bytes(TOKEN_LIMIT))
    assert read_authorization(f"Negotiate {too_long}") == (Scheme.NEGOTIATE, None)
    assert read_authorization(f"Negotiate {too_long * 4}") == (Scheme.NEGOTIATE, None)


def test_schemes_are_offered_without_parameters_but_basic() -> None:
    assert offer(Scheme.NTLM, "lab") == "NTLM"
    assert offer(Scheme.NEGOTIATE, "lab") == "Negotiate"
    assert offer(Scheme.BASIC, "lab") == 'Basic realm="lab", charset="UTF-8"'


def test_a_token_travels_in_base64() -> None:
    assert with_token(Scheme.NTLM, b"NTLM") == "NTLM TlRMTQ=="


def test_schemes_by_name_come_in_the_order_of_offers() -> None:
    assert parse_schemes(["basic", " NTLM", "negotiate", "Basic"]) == tuple(Scheme)
    with pytest.raises(KeyError):
        parse_schemes(["digest"])

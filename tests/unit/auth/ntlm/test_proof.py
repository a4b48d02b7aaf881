"""The proof of NTLMv2, against the values printed in MS-NLMP 4.2.4."""

from __future__ import annotations

import dataclasses

import pytest

from rpch.auth.ntlm.proof import (
    NtlmClaim,
    identities,
    nt_hash,
    older_upper,
    response_key,
    session_base_key,
)

HASH = bytes.fromhex("a4f49c406510bdcab6824ee7c30fd852")  # of "Password", MS-NLMP 4.2.2.1.2
RESPONSE = bytes.fromhex(  # MS-NLMP 4.2.4.2.2: proof, then the blob with target info and four zeros
    "68cd0ab851e51c96aabc927bebef6a1c"
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
    "02000c0044006f006d00610069006e0001000c00530065007200760065007200"
    "0000000000000000"
)
CLAIM = NtlmClaim("User", "Domain", bytes.fromhex("0123456789abcdef"), RESPONSE)
KEY = bytes.fromhex("8de40ccadbc14a82f15cb0ad0de95ca3")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("Password", "a4f49c406510bdcab6824ee7c30fd852"),
        ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ("Pässw0rd!", "dfcaa7a5887d0c8baaea495b8f1e12bf"),
    ],
)
def test_nt_hashes_of_known_passwords(password: str, expected: str) -> None:
    assert nt_hash(password).hex() == expected


def test_the_response_key_is_bound_to_the_identity() -> None:
    assert response_key(HASH, "USERDomain".encode("utf-16-le")).hex() == "0c868a403bfd7a93a3001ef22ef02e3f"


def test_a_right_proof_gives_the_session_base_key() -> None:
    assert session_base_key(HASH, CLAIM) == KEY


@pytest.mark.parametrize("at", [0, 15, 16, 40, len(RESPONSE) - 1])
def test_a_changed_bit_anywhere_proves_nothing(at: int) -> None:
    changed = bytearray(RESPONSE)
    changed[at] ^= 1
    assert session_base_key(HASH, dataclasses.replace(CLAIM, nt_response=bytes(changed))) is None


def test_without_a_hash_nothing_is_proven() -> None:
    assert session_base_key(None, CLAIM) is None
    assert session_base_key(nt_hash("password"), CLAIM) is None


def test_a_claim_shows_no_secret() -> None:
    assert "68cd" not in repr(CLAIM)
    assert repr(CLAIM) == "NtlmClaim(user='User', domain='Domain')"


def test_the_domain_is_tried_as_sent_then_in_upper_case_then_left_out() -> None:
    assert [found.decode("utf-16-le") for found in identities("zoë", "Lab")] == [
        *("ZOËLab", "ZOËLAB", "ZOË"),
        *("ZOËLab", "ZOËLAB", "ZOË"),
    ]


def test_letters_of_later_tables_are_tried_both_ways() -> None:
    tried = {found.decode("utf-16-le") for found in identities("ionuț", "")}
    assert tried == {"IONUȚ", "IONUț"}


@pytest.mark.parametrize(
    ("name", "upper"),
    [("zoë", "ZOË"), ("µ", "µ"), ("ș", "ș"), ("жук", "ЖУК"), ("ѐ", "ѐ"), ("ａ", "Ａ"), ("ԱԲ", "ԱԲ"),
     ("ա", "Ա"), ("ᲀ", "ᲀ")],
)  # fmt: skip
def test_the_older_table(name: str, upper: str) -> None:
    assert older_upper(name) == upper

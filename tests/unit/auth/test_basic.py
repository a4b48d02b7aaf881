"""Basic credentials."""

from __future__ import annotations

import base64

import pytest

from rpch.auth.basic import BasicCredentials


@pytest.mark.parametrize(
    ("token", "user", "password"),
    [
        (b"alice:secret", "alice", "secret"),
        (b"LAB\\alice:se:cr:et", r"LAB\alice", "se:cr:et"),
        ("zoë:Pässw0rd!".encode(), "zoë", "Pässw0rd!"),
        ("zoë:Pässw0rd!".encode("cp1252"), "zoë", "Pässw0rd!"),
        (b"alice:\x80uro", "alice", "\u20acuro"),
    ],
)
def test_the_first_colon_cuts_and_older_clients_send_their_code_page(
    token: bytes, user: str, password: str
) -> None:
    assert BasicCredentials.decode(token) == BasicCredentials(user, password)


@pytest.mark.parametrize(
    "token", [b"", b"alice", b":secret", b"alice:", b":", b"ali\nce:secret", b"alice:sec\0ret", b"a:\x81"]
)
def test_what_is_no_user_name_and_password_is_refused(token: bytes) -> None:
    assert BasicCredentials.decode(token) is None


def test_it_is_encoded_in_utf_8_and_read_back() -> None:
    credentials = BasicCredentials("zoë", "Päss:")
    scheme, token = credentials.encode().split(" ")
    assert scheme == "Basic"
    assert BasicCredentials.decode(base64.b64decode(token)) == credentials


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(BasicCredentials("alice", "secret"))

"""The laboratory says of itself what its certificate says."""

import socket

import pytest

from rpch.front.lab_autodiscover import public_address


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8443", "localhost:8443"),
        ("[::1]:443", "localhost"),
        ("mail.lab.example:443", "mail.lab.example"),
        ("0.0.0.0:8443", f"{socket.gethostname().lower()}:8443"),
    ],
)
def test_clients_reach_it_by_name(listen: str, expected: str) -> None:
    assert public_address(listen) == expected

"""What rules about dangerous settings have in common."""

import pytest

from rpch.errors import ConfigError
from rpch.proxy.accounts import LdapSettings
from rpch.proxy.dangers.danger import Danger, is_remote, network, offers_ntlm, overlap
from tests.unit.proxy.safe_settings import PLAIN, safe


def test_a_danger_prints_its_settings_what_happens_and_the_cure() -> None:
    assert str(Danger(("a", "b"), "is bad", "turn it off")) == "a + b: is bad; turn it off"


@pytest.mark.parametrize(
    ("listen", "remote"),
    [
        ("127.0.0.1:443", False),
        ("[::1]:443", False),
        ("localhost:443", False),
        ("0.0.0.0:443", True),
        ("[::]:443", True),
        ("proxy.corp.example:443", True),
    ],
)
def test_who_can_reach_a_listener(listen: str, remote: bool) -> None:
    assert is_remote(safe(listen=listen)) is remote


def test_a_listener_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match="listen: "):
        is_remote(safe(listen="nonsense"))


def test_whether_ntlm_is_offered() -> None:
    assert offers_ntlm(safe())
    assert not offers_ntlm(safe(**PLAIN))
    assert not offers_ntlm(safe(auth=["Basic"]))
    assert offers_ntlm(safe(**PLAIN, auth=["negotiate"]))
    assert not offers_ntlm(safe(ldap=LdapSettings(url="ldaps://h", base="dc=x")))


def test_networks_are_read_and_compared() -> None:
    assert overlap(network(" 10.0.0.5/8 ", setting="x"), network("10.1.0.0/16", setting="x"))
    assert not overlap(network("10.0.0.0/8", setting="x"), network("::/0", setting="x"))
    with pytest.raises(ConfigError, match="client-network: "):
        network("nonsense", setting="client-network")

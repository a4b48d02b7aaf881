"""HTTP proxies by name and by environment."""

import pytest

from rpch.client.credentials import Credentials
from rpch.client.proxy_settings import proxy_at, proxy_from_environment
from rpch.client.tunnels import HttpProxy
from rpch.dcerpc.hostport import HostPort
from rpch.errors import ConfigError

ALICE = Credentials("alice", "x")


def test_a_named_proxy_has_port_80_unless_it_says_another() -> None:
    assert proxy_at(HostPort("proxy")) == HttpProxy("proxy", 80)
    assert proxy_at(HostPort("proxy", 3128), ALICE) == HttpProxy("proxy", 3128, ALICE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://proxy:3128", HttpProxy("proxy", 3128)),
        ("http://proxy:3128/", HttpProxy("proxy", 3128)),
        ("proxy:3128", HttpProxy("proxy", 3128)),
        ("http://proxy", HttpProxy("proxy", 80)),
        ("http://[2001:db8::1]:3128", HttpProxy("2001:db8::1", 3128)),
        ("http://al%40ice:p%3Aw@proxy:1", HttpProxy("proxy", 1, Credentials("al@ice", "p:w"))),
        ("http://alice@proxy:1", HttpProxy("proxy", 1, Credentials("alice", ""))),
    ],
)
@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
def test_the_environment_names_a_proxy(name: str, value: str, expected: HttpProxy) -> None:
    assert proxy_from_environment({name: value}, "rpc.example") == expected


def test_nothing_in_the_environment_is_no_proxy() -> None:
    assert proxy_from_environment({}, "rpc.example") is None
    assert proxy_from_environment({"https_proxy": "", "http_proxy": "proxy:1"}, "rpc.example") is None


def test_credentials_that_are_given_count_more_than_those_in_the_environment() -> None:
    found = proxy_from_environment({"https_proxy": "http://bob:y@proxy:1"}, "rpc.example", ALICE)
    assert found == HttpProxy("proxy", 1, ALICE)


@pytest.mark.parametrize(
    ("rules", "exempt"),
    [
        ("rpc.example", True),
        ("other, RPC.example", True),
        ("example", True),
        (".example", True),
        ("*", True),
        ("c.example", False),
        ("", False),
        (",", False),
    ],
)
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_exempts_names_and_the_domains_above_them(name: str, rules: str, *, exempt: bool) -> None:
    found = proxy_from_environment({"https_proxy": "proxy:1", name: rules}, "rpc.example")
    assert (found is None) is exempt


@pytest.mark.parametrize(
    "value", ["https://proxy:1", "socks5://u:canary@proxy:1", "http://", "http://u@proxy:x"]
)
def test_a_proxy_that_cannot_be_used_is_a_wrong_setting_and_its_password_is_not_shown(value: str) -> None:
    with pytest.raises(ConfigError, match=r"https_proxy: .*http://host:port") as wrong:
        proxy_from_environment({"https_proxy": value}, "rpc.example")
    assert "canary" not in str(wrong.value)

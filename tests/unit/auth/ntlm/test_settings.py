"""Under which names NTLM is accepted."""

from __future__ import annotations

import pytest

from rpch.auth.ntlm.settings import NtlmSettings, filetime
from rpch.errors import ConfigError


def test_a_server_of_its_own_takes_its_names_from_dns() -> None:
    settings = NtlmSettings.standalone("mail.example.test")
    assert (settings.netbios_computer, settings.netbios_domain) == ("MAIL", "MAIL")
    assert (settings.dns_computer, settings.dns_domain) == ("mail.example.test", "example.test")
    assert settings.target_name == "MAIL"


def test_its_accounts_may_belong_to_a_domain_of_their_own() -> None:
    settings = NtlmSettings.standalone("a-very-long-host-name.test", domain="lab")
    assert (settings.netbios_computer, settings.netbios_domain) == ("A-VERY-LONG-HOS", "LAB")
    assert NtlmSettings.standalone("localhost").dns_domain == "localhost"


def test_target_info_says_names_and_time_in_the_usual_order() -> None:
    settings = NtlmSettings(
        "MAIL", "LAB", "mail.lab.test", "lab.test", dns_tree="tree.test", domain_member=True
    )
    assert [(name, len(value)) for name, value in settings.target_info(0.0)] == [
        (2, 6), (1, 8), (4, 16), (3, 26), (5, 18), (7, 8)
    ]  # fmt: skip
    assert settings.target_name == "LAB"


@pytest.mark.parametrize("name", ["", "A-NAME-TOO-LONG-", "ZOË"])
def test_what_is_no_netbios_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no NetBIOS name"):
        NtlmSettings(name, "LAB", "mail.lab.test", "lab.test")


def test_times_count_from_1601_in_tenths_of_microseconds() -> None:
    assert filetime(0.0) == (116_444_736_000_000_000).to_bytes(8, "little")  # MS-DTYP 2.3.3
    assert filetime(1.5) == (116_444_736_015_000_000).to_bytes(8, "little")

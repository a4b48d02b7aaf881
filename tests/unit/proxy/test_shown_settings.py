"""Settings are shown by the names of the file, and never with a password."""

from pathlib import Path

from rpch.proxy.accounts import LdapSettings
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.limits import ProxyLimits
from rpch.proxy.shown_settings import flattened, shown_value


def test_tables_are_shown_by_dotted_names() -> None:
    limits = ProxyLimits(max_channels=7)
    found = flattened(ProxyConfiguration(limits=limits, ldap=LdapSettings(url="ldaps://h", base="dc=x")))
    assert found["limits.max-channels"] == 7
    assert found["ldap.url"] == "ldaps://h"
    assert found["winbind"] is None
    assert found["tls-cert"] is None


def test_values_are_shown_as_a_person_or_a_program_reads_them() -> None:
    assert shown_value("tls-cert", Path("a.pem")) == "a.pem"
    assert shown_value("client-crl", [Path("a.crl")]) == ["a.crl"]
    assert shown_value("winbind.command", ("ntlm_auth", "-x")) == ["ntlm_auth", "-x"]
    assert shown_value("certificate-users", {"a": "b"}) == {"a": "b"}
    assert shown_value("workers", 2) == 2


def test_passwords_are_not_shown() -> None:
    assert shown_value("user", [r"LAB\alice:canary"]) == "1 accounts"
    assert shown_value("database", "postgresql://mail:canary@db/rpch") == "postgresql://mail:***@db/rpch"
    assert shown_value("database", None) is None

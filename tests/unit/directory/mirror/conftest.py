"""No test of a mirror needs the extra."""

import pytest

from tests.ldap_library import LdapLibrary, install_ldap


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> LdapLibrary:
    return install_ldap(monkeypatch)

"""The settings of a mirror."""

from pathlib import Path

import msgspec
import pytest

from rpch.directory.mirror.kinds import DIALECTS, ServerKind
from rpch.directory.mirror.settings import MirrorSettings
from rpch.errors import ConfigError


def settings(**more: object) -> MirrorSettings:
    return msgspec.convert({"url": "ldaps://there", "base": "dc=x", **more}, MirrorSettings)


def test_what_is_not_said_follows_from_the_kind(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary\n")
    plain = msgspec.structs.replace(settings(**{"bind-dn": "cn=a"}), bind_password_file=secret)
    server = plain.server()
    assert (server.bind_password, server.bind_dn, plain.source) == ("canary", "cn=a", "ldaps://there/dc=x")
    assert "canary" not in repr(server) + repr(plain)
    assert plain.filter == DIALECTS[ServerKind.OPENLDAP].query
    assert settings(kind="ad").filter == DIALECTS[ServerKind.AD].query
    assert settings(query="(a=b)").filter == "(a=b)"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"url": "ldap://192.0.2.1"}, "ldap.url: would send passwords in the clear"),
        ({"url": "https://x"}, "ldap.url: .* is no URL"),
        ({"query": "mail=x"}, "ldap.query: 'mail=x' is no filter"),
        ({"interval": 0}, "ldap.interval: must be more than 0"),
        ({"page-size": -1}, "ldap.page-size"),
        ({"most-removed": 0}, "ldap.most-removed: is a share"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings(**wrong).server()


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="filtre"):
        settings(filtre="x")


def test_a_password_file_that_is_not_there_is_named() -> None:
    missing = msgspec.structs.replace(settings(), bind_password_file=Path("/nowhere"))
    with pytest.raises(ConfigError, match=r"ldap.bind-password-file: /nowhere cannot be read"):
        missing.server()


def test_people_sign_in_by_the_name_of_the_kind_unless_it_is_said() -> None:
    assert (settings().name, settings(kind="ad").name) == ("uid", "sAMAccountName")
    assert settings(**{"name-attribute": "mail"}).named_attributes == ["mail"]
    assert settings(attributes={"a": "b"}).named_attributes == ["a", "uid"]
    assert settings().signs_in == ""
    assert settings(domain="LAB").signs_in == "LAB uid"

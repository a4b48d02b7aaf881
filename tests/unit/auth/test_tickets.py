"""What Kerberos is tried with, and where it is not tried at all. Real tickets are in `make interop`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from spnego import KerberosCCache, Password

from rpch.auth.realms import Realms
from rpch.auth.tickets import library_errors, source_for, source_if_any
from rpch.errors import AuthenticationFailed, ConfigError
from tests.unit.auth.gss_library import GssLibrary, KrbLibrary, caches, library, without_extra

__all__ = ["caches", "library", "without_extra"]
LAB = Realms("LAB.TEST")
NONE = Realms()
ALICE = "alice@LAB.TEST"


def put_ticket(caches: KrbLibrary, principal: str = ALICE) -> KerberosCCache:
    caches.caches[principal] = SimpleNamespace(cache_type=b"FILE", name=b"/run/tickets")
    return KerberosCCache("FILE:/run/tickets")


@pytest.mark.parametrize("user", ["alice", "alice@lab.test", r"LAB\alice", ALICE])
def test_a_password_is_for_the_realm_of_its_user(caches: KrbLibrary, user: str) -> None:
    put_ticket(caches)
    assert source_for(user, "secret", LAB) == Password(ALICE, "secret")
    assert source_if_any(user, "secret", LAB) == Password(ALICE, "secret")
    assert caches.asked == []


@pytest.mark.parametrize("user", ["alice", r"LAB\alice", "alice@elsewhere.test", "alice@LAB.TEST"])
def test_negotiate_asks_nobody_about_users_of_unknown_realms(caches: KrbLibrary, user: str) -> None:
    assert source_if_any(user, "secret", NONE) is None
    assert caches.asked == []


def test_without_a_password_a_ticket_of_the_user_is_taken(caches: KrbLibrary, library: GssLibrary) -> None:
    ticket = put_ticket(caches)
    assert source_for("alice", "", LAB) == source_if_any("alice", "", LAB) == ticket
    assert library.asked[-1] == ({b"ccache": b"FILE:/run/tickets"}, None, ["krb5"], "initiate")
    assert set(caches.asked) == {ALICE}


def test_without_a_user_the_usual_tickets_are_taken(caches: KrbLibrary) -> None:
    ticket = put_ticket(caches, "")
    assert source_for("", "", NONE) == source_if_any("", "", NONE) == ticket


def test_a_ticket_of_another_realm_is_taken_where_it_is_there(caches: KrbLibrary) -> None:
    ticket = put_ticket(caches, "alice@OTHER.TEST")
    assert source_if_any("alice@OTHER.TEST", "", NONE) == ticket
    assert source_for("alice@OTHER.TEST", "", NONE) == ticket
    assert source_if_any("alice", "", NONE) is None


@pytest.mark.parametrize("over", ["missing", "ended", "unreadable"])
def test_a_ticket_that_is_missing_or_over_is_none(caches: KrbLibrary, library: GssLibrary, over: str) -> None:
    if over != "missing":
        put_ticket(caches)
    library.lifetime = 0 if over == "ended" else 3600
    library.no_credentials = over == "unreadable"
    assert source_if_any("alice", "", LAB) is None
    with pytest.raises(AuthenticationFailed, match=r"no ticket for alice@LAB.TEST; get one with kinit"):
        source_for("alice", "", LAB)


def test_nobody_who_has_signed_in_is_said(caches: KrbLibrary) -> None:
    with pytest.raises(AuthenticationFailed, match="there is no ticket; get one with kinit, or give user"):
        source_for("", "", LAB)


def test_asked_for_by_name_a_realm_of_any_name_is_tried(caches: KrbLibrary) -> None:
    assert source_for("alice@else.test", "secret", NONE) == Password("alice@else.test", "secret")
    for user in ("alice", r"LAB\alice", r"LAB\alice@else.test"):
        with pytest.raises(AuthenticationFailed, match=r"no realm is known for .*write user@REALM"):
            source_for(user, "secret", NONE)


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_kerberos_is_an_error_and_negotiate_does_without() -> None:
    with pytest.raises(ConfigError, match=r"Kerberos: needs the extra 'kerberos'; install rpch\[kerberos\]"):
        source_for("alice", "secret", LAB)
    assert source_if_any("alice", "secret", LAB) is None
    assert library_errors() == ()


def test_what_the_libraries_raise_is_known(caches: KrbLibrary, library: GssLibrary) -> None:
    assert library_errors() == (caches.Krb5Error, library.raw.GSSError)

"""Tickets that a password gave are used again, until they end. Real ones are in `make interop`."""

from __future__ import annotations

import gc

import pytest
from spnego import KerberosCCache, Password

from rpch.auth.initiator import Package, TokenInitiator
from rpch.auth.kept_tickets import KeptTickets
from rpch.auth.realms import Realms
from rpch.errors import AuthenticationFailed, ConfigError
from tests.unit.auth.gss_library import GssLibrary, Krb5Error, KrbLibrary, caches, library, without_extra

__all__ = ["caches", "library", "without_extra"]
ALICE = Password("alice@LAB.TEST", "secret")
FIRST, SECOND = KerberosCCache("MEMORY:1"), KerberosCCache("MEMORY:2")


def test_a_kdc_is_asked_once(caches: KrbLibrary) -> None:
    kept = KeptTickets()
    assert kept.source(ALICE) == kept.source(ALICE) == FIRST
    assert caches.signed_in == [("alice@LAB.TEST", b"secret", {"canonicalize": True})]


@pytest.mark.parametrize(("lifetime", "again"), [(0, True), (59, True), (60, False), (None, False)])
def test_tickets_that_end_soon_are_asked_for_anew_and_the_old_ones_go(
    caches: KrbLibrary, library: GssLibrary, lifetime: int | None, again: bool
) -> None:
    kept = KeptTickets()
    kept.source(ALICE)
    library.lifetime = lifetime
    assert kept.source(ALICE) == (SECOND if again else FIRST)
    assert caches.destroyed == ([b"1"] if again else [])


def test_a_cache_that_cannot_be_read_is_asked_for_anew(caches: KrbLibrary, library: GssLibrary) -> None:
    kept = KeptTickets()
    kept.source(ALICE)
    library.no_credentials = True
    assert kept.source(ALICE) == SECOND


def test_a_refusal_is_the_library_s_and_nothing_is_kept(caches: KrbLibrary) -> None:
    kept = KeptTickets()
    with pytest.raises(Krb5Error, match="says no"):
        kept.source(Password("alice@LAB.TEST", "wrong"))
    assert kept.source(ALICE) == SECOND


def test_tickets_go_with_their_owner(caches: KrbLibrary) -> None:
    kept = KeptTickets()
    kept.source(ALICE)
    del kept
    gc.collect()
    assert caches.destroyed == [b"1"]


def test_without_the_extra_nothing_is_kept(without_extra: None) -> None:
    with pytest.raises(ConfigError, match="needs the extra"):
        KeptTickets().source(ALICE)


@pytest.mark.parametrize("package", [Package.KERBEROS, Package.NEGOTIATE])
@pytest.mark.parametrize("password", ["secret", "wrong"])
def test_an_exchange_takes_them_and_negotiate_does_without(
    caches: KrbLibrary, monkeypatch: pytest.MonkeyPatch, package: Package, password: str
) -> None:
    """What the library for tokens is given."""
    given: list[object] = []

    def refused(credentials: list[object], **_: object) -> None:
        given.extend(credentials)
        raise ValueError

    monkeypatch.setattr("spnego.client", refused)
    tokens = TokenInitiator(
        package, "alice", password, host="server", realms=Realms("LAB.TEST"), kept=KeptTickets()
    )
    with pytest.raises(AuthenticationFailed):
        tokens.step()
    if password == "secret":
        assert given[-1] == FIRST
    else:
        left = [Password("alice@LAB.TEST", "wrong")] if package is Package.NEGOTIATE else []
        assert given[-1:] == left

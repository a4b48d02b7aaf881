"""What the system's GSS-API is asked about tickets, with a library made for the test."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.keytab import Answer, Keytab, TicketRefused
from rpch.errors import ConfigError
from tests.unit.auth.gss_library import BadChannelBindingsError, Flags, GSSError, GssLibrary, library

__all__ = ["library"]
BINDING = ChannelBinding.of_hash(bytes(32))
BOUND, DCE, INTEGRITY = 0x800, 0x1000, 0x20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "services.keytab"
    path.write_bytes(b"\x05\x02")
    return path


def result(
    *, more: bool = False, flags: int = INTEGRITY, mech: str = "krb5", token: bytes = b"AP-REP"
) -> Any:
    return SimpleNamespace(
        context="context",
        more_steps=more,
        token=token,
        mech=mech,
        initiator_name=b"alice@LAB",
        flags=Flags(flags),
    )


def test_one_leg_proves_who_has_the_ticket(library: GssLibrary, file: Path) -> None:
    library.results = [result(flags=INTEGRITY | BOUND)]
    answer = Keytab(file).begin(BINDING, seals=False, remember=True).step(b"AP-REQ")
    assert answer.token == b"AP-REP"
    proof = answer.proof
    assert proof is not None
    assert (proof.client, proof.service) == ("alice@LAB", "HTTP/mail@LAB")
    assert (proof.bound, proof.dce_style, proof.session.can_sign) == (True, False, True)
    assert library.asked == [
        ({b"keytab": b"FILE:" + bytes(file)}, None, ["krb5"], "accept"),
        (b"AP-REQ", "credentials", None, BINDING.application_data),
    ]


def test_the_style_of_dce_has_a_leg_more(library: GssLibrary, file: Path) -> None:
    library.results = [result(more=True), result(flags=INTEGRITY | DCE, token=b"")]
    exchange = Keytab(file).begin(None, seals=True, remember=True)
    assert exchange.step(b"AP-REQ") == Answer(b"AP-REP")
    last = exchange.step(b"AP-REP")
    assert last.token is None
    assert last.proof is not None
    assert last.proof.dce_style
    assert not last.proof.bound
    assert library.asked[-1] == (b"AP-REP", "credentials", "context", None)


def test_a_principal_and_a_second_attempt_are_asked_for(library: GssLibrary, file: Path) -> None:
    Keytab(file, "HTTP/mail@LAB").begin(None, seals=True, remember=False)
    store = {b"keytab": b"FILE:" + bytes(file), b"rcache": b"none:"}
    assert library.asked == [(store, (b"HTTP/mail@LAB", "principal"), ["krb5"], "accept")]


@pytest.mark.parametrize(
    ("outcome", "elsewhere"),
    [
        (BadChannelBindingsError("bindings"), True),
        (GSSError("Request is a replay"), False),
        (result(mech="ntlm"), False),
    ],
)
def test_what_the_library_refuses_is_refused(
    library: GssLibrary, file: Path, outcome: Any, elsewhere: bool
) -> None:
    library.results = [outcome]
    with pytest.raises(TicketRefused) as caught:
        Keytab(file).begin(None, seals=False, remember=True).step(b"AP-REQ")
    assert (caught.value.bound_elsewhere, caught.value.no_keys) == (elsewhere, False)


def test_keys_that_are_gone_are_our_trouble(library: GssLibrary, file: Path) -> None:
    library.no_credentials = True
    with pytest.raises(TicketRefused, match="no key") as caught:
        Keytab(file).begin(None, seals=False, remember=True)
    assert caught.value.no_keys


@pytest.mark.parametrize(
    ("principal", "named"), [("", "has no key \\("), ("HTTP/mail", "has no key for HTTP/mail")]
)
def test_a_keytab_without_keys_is_told_at_the_start(
    library: GssLibrary, file: Path, principal: str, named: str
) -> None:
    Keytab(file, principal).check()
    library.no_credentials = True
    with pytest.raises(ConfigError, match=named):
        Keytab(file, principal).check()


def test_a_keytab_that_is_not_there_is_told_at_the_start(library: GssLibrary, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Keytab(tmp_path / "none").check()


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    with pytest.raises(ConfigError, match="extra 'kerberos'"):
        Keytab(file).check()


def test_a_library_that_cannot_tell_bindings_is_not_used(library: GssLibrary, file: Path) -> None:
    library.RequirementFlag = SimpleNamespace()
    with pytest.raises(ConfigError, match="channel bindings"):
        Keytab(file).check()

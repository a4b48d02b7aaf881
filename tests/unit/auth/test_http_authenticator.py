"""HTTP authentication by connection."""

from __future__ import annotations

import pytest

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.basic import BasicCredentials
from rpch.auth.http_authenticator import HttpAuthenticator
from rpch.auth.outcomes import Authenticated, Challenge, Refused
from rpch.auth.schemes import Scheme
from rpch.errors import ConfigError

ALICE = Identity("alice", "LAB")
RIGHT = BasicCredentials("alice", "secret").encode()
WRONG = BasicCredentials("alice", "canary").encode()
ASK_BASIC = (("WWW-Authenticate", 'Basic realm="rpch", charset="UTF-8"'),)


class CountingAccounts(MemoryAccounts):
    """Accounts that count how often they were asked."""

    asked = 0

    async def verify_password(self, name: str, password: str) -> Identity | None:
        self.asked += 1
        return await super().verify_password(name, password)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def authenticator(
    *, schemes: tuple[Scheme, ...] = (Scheme.BASIC,), without_tls: tuple[Scheme, ...] = ()
) -> HttpAuthenticator:
    accounts = CountingAccounts({ALICE: "secret"})
    return HttpAuthenticator(accounts, schemes=schemes, without_tls=without_tls, clock=Clock())


async def test_a_request_without_credentials_is_asked_for_them() -> None:
    session = authenticator().session()
    assert await session.step(None, secure=True) == Challenge(ASK_BASIC)


async def test_right_credentials_say_who_asks() -> None:
    session = authenticator().session()
    assert await session.step(RIGHT, secure=True) == Authenticated(ALICE)


async def test_basic_must_be_repeated_by_each_request() -> None:
    session = authenticator().session()
    await session.step(RIGHT, secure=True)
    assert session.recall(None, secure=True) is None
    assert await session.step(None, secure=True) == Challenge(ASK_BASIC)


async def test_verified_credentials_are_recalled_at_once_on_every_connection() -> None:
    listener = authenticator()
    assert listener.session().recall(RIGHT, secure=True) is None
    await listener.session().step(RIGHT, secure=True)
    assert listener.session().recall(RIGHT, secure=True) == Authenticated(ALICE)
    assert await listener.session().step(RIGHT, secure=True) == Authenticated(ALICE)
    assert isinstance(listener.accounts, CountingAccounts)
    assert listener.accounts.asked == 1


async def test_verified_credentials_are_verified_anew_after_a_minute() -> None:
    listener = authenticator()
    await listener.session().step(RIGHT, secure=True)
    assert isinstance(listener.clock, Clock)
    listener.clock.now = 60.0
    assert listener.session().recall(RIGHT, secure=True) is None


async def test_verified_credentials_do_not_help_without_tls() -> None:
    listener = authenticator()
    await listener.session().step(RIGHT, secure=True)
    assert listener.session().recall(RIGHT, secure=False) is None


@pytest.mark.parametrize(
    "authorization", [WRONG, "Basic !", "Basic", "Basic YWxpY2U=", "Digest x", "NTLM TlRMTQ=="]
)
async def test_every_failure_looks_alike_outside_and_the_third_closes(authorization: str) -> None:
    session = authenticator().session()
    for _ in range(2):
        outcome = await session.step(authorization, secure=True)
        assert isinstance(outcome, Challenge)
        assert outcome.headers == ASK_BASIC
        assert outcome.failure is not None
        assert "canary" not in str(outcome)
    last = await session.step(authorization, secure=True)
    assert isinstance(last, Refused)
    assert (last.status, last.headers) == (401, ASK_BASIC)
    assert "canary" not in str(last)


async def test_a_success_forgives_failures() -> None:
    session = authenticator().session()
    for authorization in (WRONG, WRONG, RIGHT, WRONG, WRONG):
        outcome = await session.step(authorization, secure=True)
        assert not isinstance(outcome, Refused)


async def test_credentials_in_clear_are_refused_unread() -> None:
    listener = authenticator(schemes=(Scheme.BASIC, Scheme.NTLM), without_tls=(Scheme.NTLM,))
    outcome = await listener.session().step(RIGHT, secure=False)
    assert outcome == Refused("CleartextCredentials", "Basic is refused without TLS", status=403)
    assert isinstance(listener.accounts, CountingAccounts)
    assert listener.accounts.asked == 0


async def test_without_tls_only_what_is_allowed_there_is_offered() -> None:
    listener = authenticator(schemes=tuple(Scheme), without_tls=(Scheme.NTLM,))
    assert await listener.session().step(None, secure=False) == Challenge((("WWW-Authenticate", "NTLM"),))
    outcome = await authenticator().session().step(None, secure=False)
    assert isinstance(outcome, Refused)
    assert (outcome.rule, outcome.status) == ("NothingOffered", 403)


async def test_basic_in_clear_works_where_the_listener_says_so() -> None:
    session = authenticator(without_tls=(Scheme.BASIC,)).session()
    assert await session.step(RIGHT, secure=False) == Authenticated(ALICE)


def test_schemes_are_offered_one_a_line_and_strongest_first() -> None:
    listener = authenticator(schemes=(Scheme.BASIC, Scheme.NTLM, Scheme.NEGOTIATE))
    assert [value.split(" ")[0] for _, value in listener.offers(secure=True)] == [
        "Negotiate",
        "NTLM",
        "Basic",
    ]


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "zoë", "a\nb"])
def test_a_realm_that_cannot_be_quoted_is_refused(realm: str) -> None:
    with pytest.raises(ConfigError, match="cannot be quoted"):
        HttpAuthenticator(MemoryAccounts({}), realm=realm)

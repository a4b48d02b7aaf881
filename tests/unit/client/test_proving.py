"""Answering whoever wants to know who we are, on one connection."""

from __future__ import annotations

from threading import get_ident

import pytest

from rpch.auth.channel_binding import PLAIN, Channel, ChannelBinding
from rpch.auth.extended_protection import ProtectionMode
from rpch.auth.http_authenticator import HttpAuthenticator
from rpch.auth.initiator import HttpInitiator
from rpch.auth.outcomes import Authenticated, AuthOutcome
from rpch.auth.outcomes import Challenge as Asked
from rpch.auth.schemes import Scheme
from rpch.client.credentials import Credentials, Party
from rpch.client.heads import HeadReader
from rpch.client.proving import Prover, answer_challenge, last_tokens
from rpch.errors import AuthenticationFailed, DecodeError
from rpch.http.authenticate import Challenge, read_challenges
from rpch.http.heads import ResponseHead
from rpch.http.outcomes import BodyExtent, Challenged
from tests.unit.client.scripted import ALICE, PASSWORD, USER, authenticator

BINDING = ChannelBinding.of_hash(bytes(32))
BOUND = Channel(tls=True, bindings=(BINDING,))
OFFERS = read_challenges(["NTLM", 'Basic realm="x"'])
BASIC_ONLY = read_challenges(['Basic realm="x"'])


def party(scheme: Scheme | None = None, password: str = PASSWORD, user: str = USER) -> Party:
    return Party("the RPC proxy p:443", "localhost", Credentials(user, password, scheme))


def offers_of(outcome: AuthOutcome) -> tuple[Challenge, ...]:
    return read_challenges([value for name, value in outcome.headers if name == "WWW-Authenticate"])


async def talk(prover: Prover, judge: HttpAuthenticator, channel: Channel = PLAIN) -> list[str | None]:
    """What is sent until we are let in: the scheme of each request, None for one that says nothing."""
    session, sent = judge.session(channel=channel), list[str | None]()
    await prover.begin()
    for _ in range(6):
        shown = prover.authorization
        sent.append(shown.partition(" ")[0] if shown else None)
        outcome = await session.step(shown, secure=True)
        if isinstance(outcome, Authenticated):
            await prover.let_in(offers_of(outcome))
            return sent
        assert isinstance(outcome, Asked)
        await prover.challenged(offers_of(outcome))
    raise AssertionError("it never ends")


@pytest.mark.conformance(22)
@pytest.mark.parametrize(
    ("scheme", "sent"),
    [
        (Scheme.BASIC, ["Basic"]),
        (Scheme.NTLM, ["NTLM", "NTLM"]),
        (Scheme.NEGOTIATE, ["Negotiate", "Negotiate"]),
        (None, [None, "Negotiate", "Negotiate"]),
    ],
)
async def test_every_scheme_lets_us_in_bound_to_the_certificate(
    scheme: Scheme | None, sent: list[str | None]
) -> None:
    judge = authenticator(protection=ProtectionMode.REQUIRE)
    prover = Prover(party(scheme), basic_allowed=True, binding=BINDING)
    assert await talk(prover, judge, BOUND) == sent
    assert prover.settled


async def test_basic_goes_with_every_request_and_the_others_with_none_behind() -> None:
    for scheme in Scheme:
        prover = Prover(party(scheme), basic_allowed=True)
        await talk(prover, authenticator())
        assert prover.pinned is (scheme is not Scheme.BASIC)
        assert (prover.authorization is None) is prover.pinned


@pytest.mark.conformance(22)
async def test_the_last_message_of_ntlm_may_go_with_the_request_that_matters() -> None:
    prover = Prover(party(Scheme.NTLM), basic_allowed=True)
    await prover.begin()
    assert not prover.settled
    asked = await authenticator().session().step(prover.authorization, secure=True)
    await prover.challenged(offers_of(asked))
    assert prover.settled


async def test_negotiate_goes_on_until_it_was_let_in() -> None:
    prover = Prover(party(Scheme.NEGOTIATE), basic_allowed=True)
    await prover.begin()
    asked = await authenticator().session().step(prover.authorization, secure=True)
    await prover.challenged(offers_of(asked))
    assert not prover.settled
    await prover.let_in()
    assert prover.settled


async def test_what_was_learned_is_said_at_once_on_the_next_connection() -> None:
    somebody = party()
    first = Prover(somebody, basic_allowed=True)
    assert await talk(first, authenticator(Scheme.NTLM)) == [None, "NTLM", "NTLM"]
    second = Prover(somebody, basic_allowed=True)
    assert await talk(second, authenticator(Scheme.NTLM)) == ["NTLM", "NTLM"]


async def test_whoever_wants_nothing_is_told_nothing() -> None:
    somebody = party()
    first = Prover(somebody, basic_allowed=True)
    await first.begin()
    assert not first.settled
    await first.let_in()
    second = Prover(somebody, basic_allowed=True)
    await second.begin()
    assert (first.settled, second.settled, second.authorization) == (True, True, None)


async def test_whoever_wants_something_after_all_gets_it() -> None:
    somebody = party()
    somebody.learned.asked = True
    prover = Prover(somebody, basic_allowed=True)
    await prover.begin()
    await prover.challenged(BASIC_ONLY)
    assert prover.authorization is not None
    assert prover.authorization.startswith("Basic ")


async def test_without_credentials_only_those_come_far_who_are_asked_for_none() -> None:
    prover = Prover(Party("the HTTP proxy h:1", "h"), basic_allowed=True)
    await prover.begin()
    assert prover.settled
    await prover.let_in()
    with pytest.raises(AuthenticationFailed, match=r"the HTTP proxy h:1 wants .* offers NTLM, Basic"):
        await prover.challenged(OFFERS)


@pytest.mark.parametrize("scheme", list(Scheme))
async def test_a_refusal_says_who_refused_and_never_the_password(scheme: Scheme) -> None:
    prover = Prover(party(scheme, "canary"), basic_allowed=True)
    with pytest.raises(AuthenticationFailed, match=f"the RPC proxy p:443: .*refused.*{scheme}") as refused:
        await talk(prover, authenticator())
    assert "canary" not in str(refused.value)


async def test_a_scheme_that_is_not_offered_is_told_with_those_that_are() -> None:
    prover = Prover(party(Scheme.NTLM), basic_allowed=True)
    await prover.begin()
    with pytest.raises(AuthenticationFailed, match="does not take NTLM, but Basic"):
        await prover.challenged(BASIC_ONLY)


async def test_basic_does_not_leave_in_the_clear_by_itself() -> None:
    with pytest.raises(AuthenticationFailed, match="only Basic, which is not sent without TLS"):
        await talk(Prover(party(), basic_allowed=False), authenticator(Scheme.BASIC))
    sent = await talk(Prover(party(), basic_allowed=False), authenticator(Scheme.BASIC, Scheme.NTLM))
    assert sent == [None, "NTLM", "NTLM"]


async def test_basic_leaves_in_the_clear_for_whoever_names_it() -> None:
    prover = Prover(party(Scheme.BASIC), basic_allowed=False)
    assert await talk(prover, authenticator()) == ["Basic"]


async def test_schemes_that_nobody_here_knows_are_listed() -> None:
    prover = Prover(party(), basic_allowed=True)
    with pytest.raises(AuthenticationFailed, match="the server offers Digest"):
        await prover.challenged(read_challenges(["Digest realm=x"]))


def asked(*, reusable: bool, offers: tuple[Challenge, ...] = OFFERS) -> Challenged:
    return Challenged(offers, by_http_proxy=False, body=BodyExtent(length=2), reusable=reusable)


async def test_a_challenge_is_answered_on_its_connection_once_its_body_is_read() -> None:
    reader, prover = HeadReader(), Prover(party(), basic_allowed=True)
    reader.data_received(b"nomore")
    assert await answer_challenge(reader, asked(reusable=True), prover)
    assert reader.rest() == b"more"
    assert prover.authorization is not None


async def test_a_connection_that_is_closed_with_the_first_question_has_taught_its_offers() -> None:
    somebody = party()
    prover = Prover(somebody, basic_allowed=True)
    assert not await answer_challenge(HeadReader(), asked(reusable=False), prover)
    assert somebody.learned.scheme is Scheme.NTLM


async def test_a_connection_that_is_closed_within_an_exchange_is_told_as_such() -> None:
    prover = Prover(party(Scheme.NTLM), basic_allowed=True)
    await prover.begin()
    challenge = await authenticator().session().step(prover.authorization, secure=True)
    with pytest.raises(AuthenticationFailed, match="something on the way does not keep it"):
        await answer_challenge(HeadReader(), asked(reusable=False, offers=offers_of(challenge)), prover)


async def test_a_connection_that_is_closed_with_a_refusal_is_told_as_that() -> None:
    prover = Prover(party(Scheme.BASIC), basic_allowed=True)
    await prover.begin()
    with pytest.raises(AuthenticationFailed, match="refused the credentials, by Basic"):
        await answer_challenge(HeadReader(), asked(reusable=False), prover)


@pytest.mark.parametrize("token", ["AAAA", "TlRMTVNTUAADAAAA", "!"])
async def test_a_challenge_that_is_nonsense_fails_and_nothing_else(token: str) -> None:
    prover = Prover(party(Scheme.NTLM), basic_allowed=True)
    await prover.begin()
    with pytest.raises((AuthenticationFailed, DecodeError)):
        await prover.challenged([Challenge("NTLM", token)])


def test_the_servers_own_proof_is_found_in_its_last_answer() -> None:
    head = ResponseHead(200, "OK", "1.1", (("www-authenticate", "Negotiate oQc="),))
    assert last_tokens(head) == (Challenge("Negotiate", "oQc="),)


def test_credentials_are_those_of_the_party_alone() -> None:
    assert Party("a", "h", ALICE).credentials == ALICE


async def test_nobody_waits_for_a_kdc_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = list[int]()
    begin = HttpInitiator.begin

    def noting(self: HttpInitiator) -> str:
        waiting.append(get_ident())
        return begin(self)

    monkeypatch.setattr(HttpInitiator, "begin", noting)
    for scheme in (Scheme.NEGOTIATE, Scheme.NTLM):
        await Prover(party(scheme), basic_allowed=True).begin()
    assert [one == get_ident() for one in waiting] == [False, True]

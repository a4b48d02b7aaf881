"""Who has a ticket, and whether it is for us: over exchanges that say what a test wants."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from rpch.auth.accounts import Identity
from rpch.auth.channel_binding import PLAIN, Channel, ChannelBinding
from rpch.auth.extended_protection import BindingState, ExtendedProtection, ProtectionMode
from rpch.auth.kerberos import KerberosAcceptor, KerberosSettings
from rpch.auth.keytab import Answer, TicketProof, TicketRefused
from rpch.auth.mechanism import Continue, Done, Failed, Step
from rpch.auth.outcomes import AuthRule
from rpch.auth.security import SessionSecurity
from rpch.errors import ConfigError

ALICE = Identity("alice", "LAB")
REALMS = {"LAB.EXAMPLE": "LAB"}
OURS, FRONTS, THEIRS = (ChannelBinding.of_hash(bytes([number]) * 32) for number in (1, 2, 3))
TLS = Channel(tls=True, bindings=(OURS,))
NONE, ALLOW, REQUIRE = ProtectionMode.NONE, ProtectionMode.ALLOW, ProtectionMode.REQUIRE
PROOF = TicketProof("alice@LAB.EXAMPLE", "HTTP/mail.lab.test@LAB.EXAMPLE", cast(SessionSecurity, object()))


@dataclass
class Ticket:
    """One client's ticket as a library would judge it; what it was asked."""

    proof: TicketProof = PROOF
    sent: ChannelBinding | None = None
    dce_style: bool = False
    refusal: TicketRefused | None = None
    asked: list[tuple[ChannelBinding | None, bool, bool]] = field(default_factory=list)

    def begin(self, binding: ChannelBinding | None, *, seals: bool, remember: bool) -> Exchange:
        self.asked.append((binding, seals, remember))
        return Exchange(self, binding)


@dataclass
class Exchange:
    ticket: Ticket
    binding: ChannelBinding | None
    legs: int = 0

    def step(self, token: bytes) -> Answer:
        ticket, self.legs = self.ticket, self.legs + 1
        if ticket.refusal:
            raise ticket.refusal
        if self.binding and ticket.sent and self.binding != ticket.sent:
            raise TicketRefused("bindings differ", bound_elsewhere=True)
        if ticket.dce_style and self.legs == 1:
            return Answer(b"AP-REP")
        bound = self.binding is not None and self.binding == ticket.sent
        proof = replace(ticket.proof, bound=bound, dce_style=ticket.dce_style)
        return Answer(None if ticket.dce_style else b"AP-REP", proof)


async def judge(ticket: Ticket, mode: ProtectionMode = ALLOW, channel: Channel = TLS, **more: object) -> Step:
    protection = replace(ExtendedProtection(mode, hosts=["mail.lab.test"]), **more)  # type: ignore[arg-type]  # of several types
    settings = KerberosSettings(ticket, REALMS)
    return await KerberosAcceptor(settings, protection=protection, channel=channel).step(b"AP-REQ", 0.0)


def rule_of(step: Step) -> str:
    assert isinstance(step, Failed), step
    return step.failure.rule


def state_of(step: Step) -> BindingState:
    assert isinstance(step, Done), step
    assert step.established.identity == ALICE
    return step.established.channel_binding


async def test_a_ticket_says_who_it_is_and_for_which_service() -> None:
    step = await judge(Ticket())
    assert isinstance(step, Done)
    assert step.token == b"AP-REP"
    established = step.established
    assert (established.mechanism, established.identity) == ("Kerberos", ALICE)
    assert (established.sent_as, established.target_name) == ("alice@LAB.EXAMPLE", "HTTP/mail.lab.test")


async def test_rpc_takes_three_legs_and_checks_no_channel() -> None:
    ticket = Ticket(dce_style=True)
    acceptor = KerberosAcceptor(KerberosSettings(ticket, REALMS), dce_style=True, seals=True)
    assert await acceptor.step(b"AP-REQ", 0.0) == Continue(b"AP-REP")
    step = await acceptor.step(b"AP-REP", 0.0)
    assert state_of(step) is BindingState.NOT_CHECKED
    assert isinstance(step, Done)
    assert step.token is None
    assert ticket.asked == [(None, True, True)]


async def test_rpc_refuses_what_is_not_in_the_style_of_dce() -> None:
    acceptor = KerberosAcceptor(KerberosSettings(Ticket(), REALMS), dce_style=True)
    assert rule_of(await acceptor.step(b"AP-REQ", 0.0)) == AuthRule.KERBEROS


@pytest.mark.parametrize(
    ("client", "rule"),
    [
        ("alice@OTHER.EXAMPLE", AuthRule.KERBEROS_REALM),
        ("alice@lab.example", AuthRule.KERBEROS_REALM),
        ("alice", AuthRule.KERBEROS_REALM),
        ("@LAB.EXAMPLE", AuthRule.KERBEROS_PRINCIPAL),
        ("host/pc@LAB.EXAMPLE", AuthRule.KERBEROS_PRINCIPAL),
        ("alice\\@OTHER@LAB.EXAMPLE", AuthRule.KERBEROS_PRINCIPAL),
        ("al\nice@LAB.EXAMPLE", AuthRule.KERBEROS_PRINCIPAL),
        ("PC$@LAB.EXAMPLE", AuthRule.MACHINE_ACCOUNT),
    ],
)
async def test_only_users_of_listed_realms_are_anybody(client: str, rule: AuthRule) -> None:
    assert rule_of(await judge(Ticket(replace(PROOF, client=client)))) == rule


def test_without_realms_nobody_could_come_in() -> None:
    with pytest.raises(ConfigError, match="kerberos-realms: is missing"):
        KerberosSettings(Ticket(), {})


@pytest.mark.parametrize(
    ("mode", "sent", "outcome"),
    [
        (NONE, None, BindingState.NOT_CHECKED),
        (NONE, OURS, BindingState.NOT_CHECKED),
        (NONE, THEIRS, BindingState.NOT_CHECKED),
        (ALLOW, None, BindingState.ABSENT),
        (ALLOW, OURS, BindingState.MATCH),
        (ALLOW, FRONTS, BindingState.MATCH),
        (ALLOW, THEIRS, AuthRule.CHANNEL_BINDING),
        (REQUIRE, None, AuthRule.NO_CHANNEL_BINDING),
        (REQUIRE, OURS, BindingState.MATCH),
        (REQUIRE, FRONTS, BindingState.MATCH),
        (REQUIRE, THEIRS, AuthRule.CHANNEL_BINDING),
    ],
)
async def test_a_binding_counts_as_the_mode_says(
    mode: ProtectionMode, sent: ChannelBinding | None, outcome: BindingState | AuthRule
) -> None:
    step = await judge(Ticket(sent=sent), mode, fronts=(FRONTS,))
    assert (rule_of(step) if isinstance(step, Failed) else state_of(step)) == outcome


async def test_another_of_our_bindings_is_tried_without_the_replay_cache() -> None:
    ticket = Ticket(sent=FRONTS)
    await judge(ticket, REQUIRE, fronts=(FRONTS,))
    assert ticket.asked == [(OURS, False, True), (FRONTS, False, False)]


async def test_behind_a_front_any_certificate_is_good_if_the_name_is_ours() -> None:
    assert state_of(await judge(Ticket(sent=THEIRS), REQUIRE, proxy=True)) is BindingState.MISMATCH
    elsewhere = replace(PROOF, service="HTTP/other.lab.test@LAB.EXAMPLE")
    refused = await judge(Ticket(elsewhere, sent=THEIRS), REQUIRE, proxy=True)
    assert rule_of(refused) == AuthRule.TARGET_NAME


async def test_without_tls_the_name_decides() -> None:
    assert state_of(await judge(Ticket(), ALLOW, PLAIN)) is BindingState.ABSENT
    elsewhere = Ticket(replace(PROOF, service="HTTP/other.lab.test@LAB.EXAMPLE"))
    assert rule_of(await judge(elsewhere, ALLOW, PLAIN)) == AuthRule.TARGET_NAME


async def test_a_refused_ticket_says_why_in_the_log_alone() -> None:
    step = await judge(Ticket(refusal=TicketRefused("Request is a replay")))
    assert isinstance(step, Failed)
    assert str(step.failure) == "Kerberos: Request is a replay"
    assert step.token is None


async def test_a_refused_binding_without_a_channel_is_a_refused_ticket() -> None:
    ticket = Ticket(refusal=TicketRefused("bindings differ", bound_elsewhere=True))
    acceptor = KerberosAcceptor(KerberosSettings(ticket, REALMS))
    assert rule_of(await acceptor.step(b"AP-REQ", 0.0)) == AuthRule.KERBEROS
    assert rule_of(await judge(ticket, NONE)) == AuthRule.KERBEROS


async def test_without_keys_nobody_is_told_that_a_password_is_wrong() -> None:
    step = await judge(Ticket(refusal=TicketRefused("no keytab", no_keys=True)))
    assert rule_of(step) == AuthRule.UNAVAILABLE


async def test_an_exchange_ends_once() -> None:
    acceptor = KerberosAcceptor(KerberosSettings(Ticket(), REALMS))
    assert isinstance(await acceptor.step(b"AP-REQ", 0.0), Done)
    assert rule_of(await acceptor.step(b"AP-REQ", 0.0)) == AuthRule.OUT_OF_SEQUENCE
    acceptor = KerberosAcceptor(KerberosSettings(Ticket(), REALMS))
    assert rule_of(await acceptor.step(b"", 0.0)) == AuthRule.BAD_TOKEN

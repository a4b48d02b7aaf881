"""The accepting side of SPNEGO, over our NTLM, against pyspnego and against crafted tokens."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import spnego

from rpch.auth import der
from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.mechanism import Continue, Done, Failed, Mechanism, Step
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.session import NtlmSession
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.auth.outcomes import AuthRule
from rpch.auth.spnego import REJECT, MechanismFactory, SpnegoAcceptor
from rpch.auth.spnego_tokens import KERBEROS, MS_KERBEROS, NEGOEX, NTLM, NegState, NegTokenInit, NegTokenResp
from tests.unit.auth.ntlm.crafted_client import ASKED, EXPORTED_KEY, CraftedClient

ALICE = Identity("alice", "LAB")
ACCOUNTS = MemoryAccounts({ALICE: "secret"})
SETTINGS = NtlmSettings.standalone("mail.lab.test", domain="LAB")
DUMMY = bytes.fromhex("01000000") + bytes(12)


def ntlm() -> Mechanism:
    return NtlmAcceptor(SETTINGS, ACCOUNTS, server_challenge=b"12345678", signs_messages=True)


def acceptor(mechanisms: Mapping[bytes, MechanismFactory] | None = None) -> SpnegoAcceptor:
    return SpnegoAcceptor({NTLM: ntlm} if mechanisms is None else mechanisms)


class Wrapped:
    """A crafted client of NTLM within SPNEGO, that says what a test wants around it."""

    def __init__(self, *mechanisms: bytes, client: CraftedClient | None = None) -> None:
        self.client = client or CraftedClient()
        self.server = acceptor()
        self.init = NegTokenInit(mechanisms or (NTLM,))
        self.sent_list = self.init.mechanism_list

    async def say(self, token: NegTokenInit | NegTokenResp) -> Step:
        return await self.server.step(token.encode(), 0.0)

    async def open(self) -> NegTokenResp:
        """Up to the CHALLENGE, whichever way there."""
        first_is_ntlm = self.init.mechanisms[0] == NTLM
        token = self.client.negotiate() if first_is_ntlm else b"a token of another mechanism"
        reply = await self.expect(NegTokenInit(self.init.mechanisms, token))
        if not first_is_ntlm:
            assert reply == NegTokenResp(NegState.REQUEST_MIC, NTLM)
            reply = await self.expect(NegTokenResp(NegState.ACCEPT_INCOMPLETE, token=self.client.negotiate()))
        return reply

    async def expect(self, token: NegTokenInit | NegTokenResp) -> NegTokenResp:
        step = await self.say(token)
        assert isinstance(step, Continue), step
        return NegTokenResp.decode(step.token)

    async def answer(self, challenge: NegTokenResp, *, mic: bytes | None = None) -> Step:
        authenticate = self.client.authenticate(challenge.token or b"")
        return await self.say(NegTokenResp(token=authenticate, mic=mic))

    @property
    def session(self) -> NtlmSession:
        return NtlmSession(EXPORTED_KEY, ASKED & ~self.client.dropped, acceptor=False)


def reply_of(step: Step) -> NegTokenResp:
    assert isinstance(step, Done), step
    assert step.established.identity == ALICE
    return NegTokenResp.decode(step.token or b"")


def rule_of(step: Step) -> str:
    assert isinstance(step, Failed), step
    assert step.token in (None, REJECT)
    return step.failure.rule


async def test_the_first_mechanism_needs_no_mic() -> None:
    wrapped = Wrapped()
    challenge = await wrapped.open()
    assert (challenge.state, challenge.mechanism) == (NegState.ACCEPT_INCOMPLETE, NTLM)
    assert reply_of(await wrapped.answer(challenge)) == NegTokenResp(NegState.ACCEPT_COMPLETED)


async def test_a_mic_that_is_sent_is_checked_and_answered() -> None:
    wrapped = Wrapped()
    challenge, session = await wrapped.open(), wrapped.session
    step = await wrapped.answer(challenge, mic=session.sign_mechanisms(wrapped.sent_list))
    reply = reply_of(step)
    session.verify_mechanisms(wrapped.sent_list, reply.mic or b"")
    assert isinstance(step, Done)
    # After the MIC both directions go on with number 1 and a keystream from its beginning.
    sealed, signature = session.seal(b"", b"body", b"")
    assert step.established.session.unseal(b"", sealed, b"", signature) == b"body"
    assert signature[12:] == bytes.fromhex("01000000")


async def test_without_a_mic_numbers_begin_at_0() -> None:
    wrapped = Wrapped()
    step = await wrapped.answer(await wrapped.open())
    assert isinstance(step, Done)
    assert step.established.session.sign(b"x")[12:] == bytes(4)


@pytest.mark.parametrize("sent_list", [b"", NegTokenInit((KERBEROS, NTLM)).mechanism_list])
async def test_a_mic_over_another_list_is_refused(sent_list: bytes) -> None:
    wrapped = Wrapped()
    challenge = await wrapped.open()
    step = await wrapped.answer(challenge, mic=wrapped.session.sign_mechanisms(sent_list))
    assert rule_of(step) == AuthRule.SPNEGO_MIC


async def test_another_than_the_first_mechanism_needs_a_mic() -> None:
    wrapped = Wrapped(MS_KERBEROS, KERBEROS, NEGOEX, NTLM)
    challenge = await wrapped.open()
    assert challenge.mechanism is None  # it is named once, in the first reply
    session = wrapped.session
    reply = reply_of(await wrapped.answer(challenge, mic=session.sign_mechanisms(wrapped.sent_list)))
    session.verify_mechanisms(wrapped.sent_list, reply.mic or b"")


async def test_a_mic_that_is_due_may_come_in_one_more_token() -> None:
    wrapped = Wrapped(KERBEROS, NTLM)
    step = await wrapped.answer(await wrapped.open())
    assert isinstance(step, Continue)
    ours = NegTokenResp.decode(step.token)
    session = wrapped.session
    session.verify_mechanisms(wrapped.sent_list, ours.mic or b"")
    last = await wrapped.say(NegTokenResp(mic=session.sign_mechanisms(wrapped.sent_list)))
    assert reply_of(last) == NegTokenResp(NegState.ACCEPT_COMPLETED)


@pytest.mark.parametrize(
    "token",
    [NegTokenResp(), NegTokenResp(mic=DUMMY), NegTokenResp(token=b"x", mic=DUMMY), NegTokenInit((NTLM,))],
)
async def test_what_is_not_the_mic_that_is_due_is_refused(token: NegTokenInit | NegTokenResp) -> None:
    wrapped = Wrapped(KERBEROS, NTLM)
    await wrapped.answer(await wrapped.open())
    assert rule_of(await wrapped.say(token)) in (AuthRule.SPNEGO_MIC, AuthRule.BAD_TOKEN)
    assert rule_of(await wrapped.say(token)) == AuthRule.OUT_OF_SEQUENCE


async def test_taking_a_mechanism_off_the_list_is_noticed() -> None:
    # The client offered Kerberos too; somebody on the way left NTLM alone.
    wrapped = Wrapped()
    full_list = NegTokenInit((KERBEROS, NTLM)).mechanism_list
    step = await wrapped.answer(await wrapped.open(), mic=wrapped.session.sign_mechanisms(full_list))
    assert rule_of(step) == AuthRule.SPNEGO_MIC


async def test_without_signing_a_dummy_mic_is_answered_with_one() -> None:
    wrapped = Wrapped(client=CraftedClient(dropped=NtlmFlags.SIGN | NtlmFlags.SEAL))
    assert reply_of(await wrapped.answer(await wrapped.open(), mic=DUMMY)).mic == DUMMY


async def test_where_a_mic_is_due_a_dummy_does_not_do() -> None:
    wrapped = Wrapped(KERBEROS, NTLM, client=CraftedClient(dropped=NtlmFlags.SIGN | NtlmFlags.SEAL))
    assert rule_of(await wrapped.answer(await wrapped.open(), mic=DUMMY)) == AuthRule.SPNEGO_MIC


async def test_a_list_without_a_token_is_answered_by_the_choice() -> None:
    wrapped = Wrapped()
    reply = await wrapped.expect(wrapped.init)
    assert reply == NegTokenResp(NegState.ACCEPT_INCOMPLETE, NTLM)
    challenge = await wrapped.expect(NegTokenResp(token=wrapped.client.negotiate()))
    assert challenge.mechanism is None
    reply_of(await wrapped.answer(challenge))


@pytest.mark.parametrize("mechanisms", [(KERBEROS,), (NEGOEX, MS_KERBEROS), ()])
async def test_nothing_in_common_is_refused(mechanisms: tuple[bytes, ...]) -> None:
    step = await Wrapped().say(NegTokenInit(mechanisms, b"x"))
    assert rule_of(step) == AuthRule.SPNEGO_MECHANISM


class OneStep:
    """A mechanism that takes any token at once, as Kerberos does."""

    async def step(self, token: bytes, now: float) -> Step:
        wrapped = Wrapped()
        step = await wrapped.answer(await wrapped.open())
        assert isinstance(step, Done)
        return Done(step.established, b"answer to " + token)


@pytest.mark.parametrize("oid", [KERBEROS, MS_KERBEROS])
async def test_kerberos_is_named_as_the_client_named_it(oid: bytes) -> None:
    server = acceptor({NTLM: ntlm, KERBEROS: OneStep})
    step = await server.step(NegTokenInit((oid, NTLM), b"ticket").encode(), 0.0)
    assert reply_of(step) == NegTokenResp(NegState.ACCEPT_COMPLETED, oid, b"answer to ticket")


async def test_a_bare_token_is_answered_bare() -> None:
    client, server = CraftedClient(), acceptor()
    challenge = await server.step(client.negotiate(), 0.0)
    assert isinstance(challenge, Continue)
    assert challenge.token.startswith(b"NTLMSSP\0")
    step = await server.step(client.authenticate(challenge.token), 0.0)
    assert isinstance(step, Done)
    assert step.token is None


async def test_a_bare_token_of_kerberos_goes_to_kerberos_whole() -> None:
    token = der.encode(der.APPLICATION, der.encode(der.OID, KERBEROS) + b"\1\0ticket")
    step = await acceptor({KERBEROS: OneStep}).step(token, 0.0)
    assert isinstance(step, Done)
    assert step.token == b"answer to " + token
    assert rule_of(await acceptor().step(token, 0.0)) == AuthRule.SPNEGO_MECHANISM


@pytest.mark.parametrize(
    "token", [b"", b"\x60", b"\xa1\x02\x30\x00", b"NTLM", b"\xa0\x02\x30\x00", bytes(50)]
)
async def test_what_is_no_first_token_ends_the_exchange(token: bytes) -> None:
    server = acceptor()
    assert rule_of(await server.step(token, 0.0)) == AuthRule.BAD_TOKEN
    assert rule_of(await server.step(NegTokenInit((NTLM,)).encode(), 0.0)) == AuthRule.OUT_OF_SEQUENCE


@pytest.mark.parametrize(
    ("token", "rule"),
    [
        (NegTokenResp(NegState.REJECT), AuthRule.SPNEGO_MECHANISM),
        (NegTokenResp(), AuthRule.BAD_TOKEN),
        (NegTokenResp(token=b"rubbish"), AuthRule.BAD_TOKEN),
        (NegTokenInit((NTLM,), b"again"), AuthRule.BAD_TOKEN),
    ],
)
async def test_what_does_not_go_on_ends_the_exchange(token: NegTokenInit | NegTokenResp, rule: str) -> None:
    wrapped = Wrapped()
    await wrapped.open()
    assert rule_of(await wrapped.say(token)) == rule
    assert rule_of(await wrapped.say(token)) == AuthRule.OUT_OF_SEQUENCE


async def test_a_wrong_password_is_rejected() -> None:
    wrapped = Wrapped(client=CraftedClient(password="wrong"))
    assert rule_of(await wrapped.answer(await wrapped.open())) == AuthRule.WRONG_CREDENTIALS


@pytest.mark.parametrize("protects", [True, False])
async def test_a_client_of_pyspnego(protects: bool) -> None:
    client = spnego.client(
        r"LAB\alice",
        "secret",
        hostname="mail.lab.test",
        service="HTTP",
        protocol="negotiate",
        context_req=spnego.ContextReq.default if protects else spnego.ContextReq.none,
        options=spnego.NegotiateOptions.use_negotiate,
    )
    server, token = acceptor(), client.step() or b""
    for _ in range(4):
        step = await server.step(token, 0.0)
        assert isinstance(step, Continue | Done), step
        token = client.step(step.token) or b""
        if isinstance(step, Done):
            break
    assert isinstance(step, Done)
    assert client.complete
    assert step.established.identity == ALICE
    if protects:
        session = step.established.session
        for number in range(2):
            session.verify(b"to the server", client.sign(b"to the server"))
            client.verify(b"to the client %d" % number, session.sign(b"to the client %d" % number))

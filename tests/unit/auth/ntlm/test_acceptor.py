"""The accepting side of NTLM, against crafted clients and against those of pyspnego and impacket."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import pytest
import spnego
from impacket import ntlm as impacket_ntlm
from spnego import iov
from spnego.channel_bindings import GssChannelBindings

from rpch.auth.accounts import NOBODY as NO_ACCOUNT
from rpch.auth.accounts import Identity, MemoryAccounts, NtlmProof
from rpch.auth.channel_binding import PLAIN, Channel, ChannelBinding
from rpch.auth.extended_protection import BindingState, ExtendedProtection, ProtectionMode
from rpch.auth.mechanism import Continue, Done, Established, Failed
from rpch.auth.ntlm.acceptor import NtlmAcceptor
from rpch.auth.ntlm.av_pairs import AvId
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.messages import Authenticate, Challenge, Negotiate
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.ntlm.settings import MicPolicy, NtlmSettings
from rpch.auth.outcomes import AuthRule
from rpch.errors import AccessDenied, TransportError
from tests.unit.auth.ntlm.crafted_client import ASKED, EXPORTED_KEY, CraftedClient

ALICE, ZOE, UPN = Identity("alice", "LAB"), Identity("zoë", "LAB"), Identity("ionuț", "LAB")
ACCOUNTS = MemoryAccounts({ALICE: "secret", ZOE: "Pässw0rd!", UPN: "secret", Identity("PC1$", "LAB"): "x"})
SETTINGS = NtlmSettings.standalone("mail.lab.test", domain="LAB")
BINDING = ChannelBinding.of_hash(bytes(range(32)))
TLS = Channel(tls=True, bindings=(BINDING,))
ALLOW = ExtendedProtection(mode=ProtectionMode.ALLOW, hosts=("mail.lab.test",))
REQUIRE = dataclasses.replace(ALLOW, mode=ProtectionMode.REQUIRE)
BOUND = {AvId.CHANNEL_BINDINGS: BINDING.digest}

challenges: Iterator[bytes] = (number.to_bytes(8, "little") for number in itertools.count(1))


def acceptor(
    *,
    settings: NtlmSettings = SETTINGS,
    accounts: MemoryAccounts = ACCOUNTS,
    protection: ExtendedProtection | None = None,
    channel: Channel | None = None,
    signs_messages: bool = False,
    anonymous: bool = False,
) -> NtlmAcceptor:
    return NtlmAcceptor(
        settings,
        accounts,
        server_challenge=next(challenges),
        protection=protection,
        channel=channel,
        signs_messages=signs_messages,
        anonymous=anonymous,
    )


async def exchange(server: NtlmAcceptor, client: CraftedClient, *, late: float = 0.0) -> Done | Failed:
    first = await server.step(client.negotiate(), 1000.0)
    if isinstance(first, Failed):
        return first
    assert isinstance(first, Continue)
    last = await server.step(client.authenticate(first.token), 1000.0 + late)
    assert not isinstance(last, Continue)
    return last


async def established(server: NtlmAcceptor, client: CraftedClient) -> Established:
    outcome = await exchange(server, client)
    assert isinstance(outcome, Done), outcome
    assert outcome.token is None
    return outcome.established


async def rule(server: NtlmAcceptor, client: CraftedClient, *, late: float = 0.0) -> str | None:
    outcome = await exchange(server, client, late=late)
    return outcome.failure.rule if isinstance(outcome, Failed) else None


async def test_a_client_with_the_right_password_is_known() -> None:
    found = await established(acceptor(), CraftedClient())
    assert found.identity == ALICE
    assert found.sent_as == r"LAB\alice"
    assert found.mechanism == "NTLM"
    assert found.channel_binding is BindingState.NOT_CHECKED
    assert found.session.session_key == EXPORTED_KEY
    assert found.session.can_seal


@pytest.mark.parametrize("client", [CraftedClient(password="Secret"), CraftedClient(user="nobody")])
async def test_wrong_passwords_and_unknown_users_fail_alike(client: CraftedClient) -> None:
    outcome = await exchange(acceptor(), client)
    assert isinstance(outcome, Failed)
    assert (outcome.failure.rule, outcome.token) == (AuthRule.WRONG_CREDENTIALS, None)


@pytest.mark.parametrize(
    ("sent", "hashed_user", "hashed_domain", "identity"),
    [
        ("LAB|alice", None, None, ALICE),
        ("lab|ALICE", None, None, ALICE),
        ("lab|alice", None, "LAB", ALICE),  # the domain in upper case, at the second attempt
        ("LAB|alice", None, "", ALICE),  # no domain, at the third
        ("|alice", None, None, ALICE),
        (".|alice", None, None, ALICE),
        ("|alice@lab.test", None, None, ALICE),
        ("WS1|alice", None, None, ALICE),
        ("LAB|zoë", "ZOË", None, ZOE),
        ("LAB|ionuț", "IONUȚ", None, UPN),
        ("LAB|ionuț", "IONUț", None, UPN),  # by the older table
    ],
)
async def test_names_in_all_their_forms(
    sent: str, hashed_user: str | None, hashed_domain: str | None, identity: Identity
) -> None:
    domain, user = sent.split("|")
    password = "Pässw0rd!" if identity == ZOE else "secret"
    client = CraftedClient(user, domain, password, hashed_user=hashed_user, hashed_domain=hashed_domain)
    assert (await established(acceptor(), client)).identity == identity


@pytest.mark.parametrize("trailing", [b"", bytes(4), b"\x01\x02\x03\x04", bytes(8), bytes(64)])
async def test_the_bytes_in_which_a_client_ends_its_response_are_proven_too(trailing: bytes) -> None:
    assert await rule(acceptor(), CraftedClient(trailing=trailing)) is None


async def test_older_clients_send_names_in_their_code_page() -> None:
    asked = ASKED & ~NtlmFlags.UNICODE | NtlmFlags.OEM
    client = CraftedClient("zoë", "LAB", "Pässw0rd!", asked=asked)
    found = await established(acceptor(), client)
    assert (found.identity, found.sent_as) == (ZOE, r"LAB\zoë")


async def test_the_challenge_is_laid_out_as_every_client_expects() -> None:
    server = acceptor()
    first = await server.step(Negotiate(ASKED | NtlmFlags.VERSION).encode(), 0.0)
    assert isinstance(first, Continue)
    challenge = Challenge.decode(first.token)
    assert first.token[56:].startswith("MAIL".encode("utf-16-le"))
    assert challenge.version == bytes.fromhex("060100000000000f")
    assert challenge.target_info == SETTINGS.target_info(0.0).encode()
    plain = await acceptor().step(Negotiate(NtlmFlags.OEM).encode(), 0.0)
    assert isinstance(plain, Continue)
    assert Challenge.decode(plain.token).version == bytes(8)
    assert Challenge.decode(plain.token).target_name == b"MAIL"


@pytest.mark.parametrize("asked", [ASKED | NtlmFlags.DATAGRAM, ASKED & ~NtlmFlags.UNICODE, NtlmFlags.NONE])
async def test_exchanges_that_could_not_be_trusted_are_not_begun(asked: NtlmFlags) -> None:
    assert await rule(acceptor(), CraftedClient(asked=asked)) == AuthRule.NTLM_FLAGS


@pytest.mark.parametrize("dropped", [NtlmFlags.KEY_128, NtlmFlags.EXTENDED_SESSION_SECURITY])
async def test_signing_that_was_weakened_on_the_way_is_refused(dropped: NtlmFlags) -> None:
    assert await rule(acceptor(), CraftedClient(dropped=dropped)) == AuthRule.NTLM_FLAGS
    assert await rule(acceptor(), CraftedClient(asked=ASKED & ~dropped)) == AuthRule.NTLM_FLAGS


async def test_what_a_client_drops_is_dropped_and_what_it_adds_is_ignored() -> None:
    dropped = await established(acceptor(), CraftedClient(dropped=NtlmFlags.SEAL))
    assert (dropped.session.can_sign, dropped.session.can_seal) == (True, False)
    plain = CraftedClient(asked=NtlmFlags.UNICODE, added=NtlmFlags.LM_KEY | NtlmFlags.DATAGRAM)
    assert not (await established(acceptor(), plain)).session.can_sign


async def test_without_signing_no_key_is_exchanged() -> None:
    client = CraftedClient(asked=ASKED & ~(NtlmFlags.SIGN | NtlmFlags.SEAL))
    first = await acceptor().step(client.negotiate(), 0.0)
    assert isinstance(first, Continue)
    assert not Challenge.decode(first.token).flags & NtlmFlags.KEY_EXCHANGE
    client.session_key = b"\0"  # what some clients put there is nobody's business
    assert (await established(acceptor(), client)).session.session_key != EXPORTED_KEY


@pytest.mark.parametrize("size", [0, 1, 15, 17])
async def test_a_session_key_of_another_size_is_refused(size: int) -> None:
    client = CraftedClient(session_key=bytes(size))
    assert await rule(acceptor(), client) == AuthRule.BAD_TOKEN


@pytest.mark.parametrize("name", [AvId(number) for number in (1, 2, 3, 4, 5, 7)])
@pytest.mark.parametrize("value", [None, b"", b"changed!"])
async def test_what_we_said_about_ourselves_must_come_back(name: AvId, value: bytes | None) -> None:
    settings = dataclasses.replace(SETTINGS, dns_tree="lab.test")
    client = CraftedClient(pairs={name: value})
    assert await rule(acceptor(settings=settings), client) == AuthRule.NTLM_ECHO
    lenient = dataclasses.replace(settings, require_echo=False)
    assert await rule(acceptor(settings=lenient), client) is None


async def test_a_challenge_counts_for_two_minutes() -> None:
    assert await rule(acceptor(), CraftedClient(), late=119.9) is None
    assert await rule(acceptor(), CraftedClient(), late=120.0) == AuthRule.CHALLENGE_EXPIRED


async def test_machine_accounts_are_refused_unless_they_are_allowed() -> None:
    client = CraftedClient("PC1$", "LAB", "x")
    assert await rule(acceptor(), client) == AuthRule.MACHINE_ACCOUNT
    allowed = dataclasses.replace(SETTINGS, machine_accounts=True)
    assert await rule(acceptor(settings=allowed), client) is None


NOBODY = Authenticate(NtlmFlags.UNICODE, b"", b"")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (NOBODY, AuthRule.ANONYMOUS),
        (dataclasses.replace(NOBODY, lm_response=b"\0"), AuthRule.ANONYMOUS),
        (dataclasses.replace(NOBODY, lm_response=b"\0", session_key=bytes(16)), AuthRule.ANONYMOUS),
        (dataclasses.replace(NOBODY, nt_response=bytes(48)), AuthRule.ANONYMOUS),
        (dataclasses.replace(NOBODY, user=b"a\0"), AuthRule.ANONYMOUS),
        (dataclasses.replace(NOBODY, user=b"a\0", nt_response=bytes(24)), AuthRule.NTLM_V1),
        (
            dataclasses.replace(
                NOBODY, user=b"a\0", nt_response=bytes(24), lm_response=b"\x11" * 8 + bytes(16)
            ),
            AuthRule.NTLM_V1,
        ),
        (dataclasses.replace(NOBODY, user=b"a\0", lm_response=b"\x11" * 24), AuthRule.NTLM_LM),
        (dataclasses.replace(NOBODY, user=b"a\0", nt_response=bytes(30)), AuthRule.BAD_TOKEN),
        (dataclasses.replace(NOBODY, user=b"a\0", nt_response=bytes(60)), AuthRule.BAD_TOKEN),
        (dataclasses.replace(NOBODY, user=b"abc", nt_response=bytes(48)), AuthRule.BAD_TOKEN),
        (dataclasses.replace(NOBODY, user=b"\x00\xd8", nt_response=bytes(48)), AuthRule.BAD_TOKEN),
        (dataclasses.replace(NOBODY, user=b"a\0\0\0", nt_response=bytes(48)), AuthRule.BAD_TOKEN),
    ],
)
async def test_nobody_and_old_responses_are_refused(message: Authenticate, expected: AuthRule) -> None:
    server = acceptor()
    await server.step(Negotiate(ASKED).encode(), 0.0)
    outcome = await server.step(message.encode(), 0.0)
    assert isinstance(outcome, Failed)
    assert outcome.failure.rule == expected


@pytest.mark.parametrize("lm_response", [b"", b"\0"])
async def test_nobody_is_let_in_where_that_was_asked_for(lm_response: bytes) -> None:
    server = acceptor(anonymous=True)
    await server.step(Negotiate(ASKED).encode(), 0.0)
    message = dataclasses.replace(NOBODY, flags=ASKED, lm_response=lm_response, session_key=bytes(16))
    outcome = await server.step(message.encode(), 0.0)
    assert isinstance(outcome, Done)
    assert outcome.established.identity is NO_ACCOUNT
    assert outcome.established.session.can_seal


async def test_a_session_with_nobody_may_be_weak_but_is_none() -> None:
    server = acceptor(anonymous=True)
    await server.step(Negotiate(ASKED).encode(), 0.0)
    weak = ASKED & ~NtlmFlags.EXTENDED_SESSION_SECURITY  # as Samba sends it
    message = dataclasses.replace(NOBODY, flags=weak, session_key=bytes(16))
    outcome = await server.step(message.encode(), 0.0)
    assert isinstance(outcome, Done)
    assert not outcome.established.session.can_sign


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (dataclasses.replace(NOBODY, flags=ASKED), AuthRule.BAD_TOKEN),
        (dataclasses.replace(NOBODY, nt_response=bytes(48)), AuthRule.ANONYMOUS),
        (dataclasses.replace(NOBODY, user=b"a\0"), AuthRule.ANONYMOUS),
        (dataclasses.replace(NOBODY, user=b"a\0", nt_response=bytes(24)), AuthRule.NTLM_V1),
    ],
)
async def test_nobody_must_be_nobody_altogether(message: Authenticate, expected: AuthRule) -> None:
    server = acceptor(anonymous=True)
    await server.step(Negotiate(ASKED).encode(), 0.0)
    outcome = await server.step(message.encode(), 0.0)
    assert isinstance(outcome, Failed)
    assert outcome.failure.rule == expected


async def test_a_name_in_no_character_set_is_refused() -> None:
    server = acceptor()
    await server.step(Negotiate(NtlmFlags.OEM).encode(), 0.0)
    outcome = await server.step(
        Authenticate(NtlmFlags.OEM, b"", b"\x81", nt_response=bytes(48)).encode(), 0.0
    )
    assert isinstance(outcome, Failed)
    assert outcome.failure.rule == AuthRule.BAD_TOKEN


@pytest.mark.parametrize(
    "token", [b"", b"NTLMSSP\0", bytes(100), Authenticate(NtlmFlags.NONE, b"", b"").encode()]
)
async def test_what_is_no_negotiate_ends_the_exchange(token: bytes) -> None:
    server = acceptor()
    for again in (token, Negotiate(ASKED).encode()):
        assert isinstance(await server.step(again, 0.0), Failed)


async def test_an_exchange_judges_one_authenticate_only() -> None:
    server, client = acceptor(), CraftedClient()
    await established(server, client)
    for token in (client.negotiate(), b""):
        again = await server.step(token, 1000.0)
        assert isinstance(again, Failed)
        assert again.failure.rule == AuthRule.OUT_OF_SEQUENCE


async def test_a_proof_for_another_challenge_is_worth_nothing() -> None:
    client = CraftedClient()
    first = await acceptor().step(client.negotiate(), 1000.0)
    assert isinstance(first, Continue)
    stolen = client.authenticate(first.token)
    server = acceptor()
    await server.step(client.sent, 1000.0)
    outcome = await server.step(stolen, 1000.0)
    assert isinstance(outcome, Failed)
    assert outcome.failure.rule == AuthRule.WRONG_CREDENTIALS


def test_a_challenge_has_eight_bytes() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        NtlmAcceptor(SETTINGS, ACCOUNTS, server_challenge=bytes(7))


# Who sends no MIC is taken where something else protects from relaying.
@pytest.mark.parametrize(
    ("policy", "pairs", "signs", "expected"),
    [
        (MicPolicy.REQUIRE, BOUND, True, AuthRule.NTLM_MIC),
        (MicPolicy.IF_FLAGGED, {}, False, None),
        (MicPolicy.BY_PROTECTION, {}, False, AuthRule.NTLM_MIC),
        (MicPolicy.BY_PROTECTION, BOUND, False, None),
        (MicPolicy.BY_PROTECTION, {}, True, None),
    ],
)
async def test_who_may_leave_out_the_mic(
    policy: MicPolicy, pairs: dict[AvId, bytes | None], signs: bool, expected: str | None
) -> None:
    server = acceptor(
        settings=dataclasses.replace(SETTINGS, mic=policy),
        protection=ALLOW,
        channel=TLS,
        signs_messages=signs,
    )
    assert await rule(server, CraftedClient(mic=False, pairs=pairs)) == expected


async def test_who_sends_neither_binding_nor_mic_is_told_to_send_the_binding() -> None:
    server = acceptor(protection=REQUIRE, channel=TLS)
    assert await rule(server, CraftedClient(mic=False)) == AuthRule.NO_CHANNEL_BINDING


async def test_a_missing_mic_is_refused_with_the_cure() -> None:
    outcome = await exchange(acceptor(protection=ALLOW, channel=TLS), CraftedClient(mic=False))
    assert isinstance(outcome, Failed)
    assert outcome.failure.rule == AuthRule.NTLM_MIC
    assert "Basic" in outcome.failure.detail


@pytest.mark.parametrize("at", [12, 72, 87, -1])
async def test_a_mic_covers_every_message(at: int) -> None:
    server, client = acceptor(), CraftedClient(session_key=None)
    first = await server.step(client.negotiate(), 1000.0)
    assert isinstance(first, Continue)
    if at == 12:
        client.sent = client.sent[:12] + bytes([client.sent[12] ^ 0x10]) + client.sent[13:]
    message = bytearray(client.authenticate(first.token))
    if at != 12:
        message[at] ^= 1
    outcome = await server.step(bytes(message), 1000.0)
    assert isinstance(outcome, Failed)
    assert outcome.failure.rule == AuthRule.NTLM_MIC
    assert r"LAB\\alice" in outcome.failure.detail


async def test_a_mic_that_is_announced_must_be_there() -> None:
    client = CraftedClient(mic=False, pairs={AvId.FLAGS: b"\x02\0\0\0"})
    assert await rule(acceptor(), client) == AuthRule.NTLM_MIC


async def test_bytes_in_the_place_of_a_mic_are_none_unless_it_is_announced() -> None:
    lenient = dataclasses.replace(SETTINGS, mic=MicPolicy.IF_FLAGGED)
    assert await rule(acceptor(settings=lenient), CraftedClient(pairs={AvId.FLAGS: None})) is None


@pytest.mark.parametrize(
    ("protection", "channel", "pairs", "expected"),
    [
        (REQUIRE, TLS, BOUND, None),
        (REQUIRE, TLS, {}, AuthRule.NO_CHANNEL_BINDING),
        (REQUIRE, TLS, {AvId.CHANNEL_BINDINGS: bytes(16)}, AuthRule.NO_CHANNEL_BINDING),
        (REQUIRE, TLS, {AvId.CHANNEL_BINDINGS: b"\x07" * 16}, AuthRule.CHANNEL_BINDING),
        (ALLOW, TLS, {AvId.CHANNEL_BINDINGS: b"\x07" * 16}, AuthRule.CHANNEL_BINDING),
        (ALLOW, TLS, {}, None),
        (ALLOW, PLAIN, BOUND, AuthRule.CHANNEL_BINDING),
        (ALLOW, PLAIN, {AvId.TARGET_NAME: "HTTP/evil.test".encode("utf-16-le")}, AuthRule.TARGET_NAME),
        (ALLOW, PLAIN, {AvId.TARGET_NAME: "HTTP/mail.lab.test".encode("utf-16-le")}, None),
        (ALLOW, PLAIN, {AvId.TARGET_NAME: b"odd"}, AuthRule.BAD_TOKEN),
        # A name the client does not trust itself counts as none: flags MIC and UNTRUSTED_TARGET.
        (
            ALLOW,
            PLAIN,
            {AvId.TARGET_NAME: "HTTP/evil.test".encode("utf-16-le"), AvId.FLAGS: b"\x06\0\0\0"},
            None,
        ),
        (None, PLAIN, {AvId.CHANNEL_BINDINGS: b"\x07" * 16}, None),
    ],
)
async def test_extended_protection(
    protection: ExtendedProtection | None,
    channel: Channel,
    pairs: dict[AvId, bytes | None],
    expected: str | None,
) -> None:
    server = acceptor(protection=protection, channel=channel)
    assert await rule(server, CraftedClient(pairs=pairs)) == expected


async def test_credentials_captured_for_another_certificate_do_not_open_this_one() -> None:
    elsewhere = ChannelBinding.of_hash(bytes(32))
    victim = CraftedClient(pairs={AvId.CHANNEL_BINDINGS: elsewhere.digest})
    outcome = await exchange(acceptor(protection=REQUIRE, channel=TLS), victim)
    assert isinstance(outcome, Failed)
    assert "relayed" in outcome.failure.detail
    assert r"LAB\\alice" in outcome.failure.detail


class BrokenAccounts(MemoryAccounts):
    """Accounts that cannot answer."""

    def __init__(self, error: Exception) -> None:
        super().__init__({})
        self.error = error

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AccessDenied("Throttle", "too many"), "Throttle"),
        (TransportError("the directory is away"), "AccountsUnavailable"),
    ],
)
async def test_accounts_that_refuse_or_are_away_end_the_exchange(error: Exception, expected: str) -> None:
    assert await rule(acceptor(accounts=BrokenAccounts(error)), CraftedClient()) == expected


BINDINGS = GssChannelBindings(application_data=BINDING.application_data)


@pytest.mark.parametrize(
    ("username", "password", "identity"),
    [
        (r"LAB\alice", "secret", ALICE),
        (r"lab\ALICE", "secret", ALICE),
        ("alice", "secret", ALICE),
        ("alice@lab.test", "secret", ALICE),
        (r"LAB\zoë", "Pässw0rd!", ZOE),
        (r"LAB\ionuț", "secret", UPN),
        (r"LAB\alice", "wrong", None),
        (r"LAB\nobody", "secret", None),
    ],
)
@pytest.mark.parametrize("protects", [True, False])
async def test_a_client_of_pyspnego(
    username: str, password: str, identity: Identity | None, protects: bool
) -> None:
    context = spnego.ContextReq.default if protects else spnego.ContextReq.none
    client = spnego.client(
        username,
        password,
        hostname="mail.lab.test",
        service="HTTP",
        protocol="ntlm",
        channel_bindings=BINDINGS,
        context_req=context,
        options=spnego.NegotiateOptions.use_ntlm,
    )
    server = acceptor(protection=REQUIRE, channel=TLS)
    first = await server.step(client.step() or b"", 1000.0)
    assert isinstance(first, Continue)
    outcome = await server.step(client.step(first.token) or b"", 1001.0)
    if identity is None:
        assert isinstance(outcome, Failed)
        return
    assert isinstance(outcome, Done)
    found = outcome.established
    assert (found.identity, found.channel_binding) == (identity, BindingState.MATCH)
    assert found.target_name == "HTTP/mail.lab.test"
    assert found.session.session_key == client.session_key
    if protects:
        assert found.session.can_seal
        check_protection(client, found)


IovPart = iov.BufferType | bytes | tuple[iov.BufferType, bytes]


def check_protection(client: spnego.ContextProxy, found: Established) -> None:
    """Both directions, signed and sealed, with parts that are signed only."""
    parts: list[IovPart] = [
        iov.BufferType.header,
        (iov.BufferType.sign_only, b"head"),
        b"body",
        (iov.BufferType.sign_only, b"tail"),
    ]
    session = found.session
    for number in range(3):
        session.verify(b"signed %d" % number, client.sign(b"signed %d" % number))
        client.verify(b"back %d" % number, session.sign(b"back %d" % number))
        token, _, sealed, _ = (buffer.data or b"" for buffer in client.wrap_iov(parts).buffers)
        assert session.unseal(b"head", sealed, b"tail", token) == b"body"
        sealed, token = session.seal(b"head", b"body", b"tail")
        received: list[IovPart] = [
            (iov.BufferType.header, token),
            (iov.BufferType.sign_only, b"head"),
            sealed,
            (iov.BufferType.sign_only, b"tail"),
        ]
        assert client.unwrap_iov(received).buffers[2].data == b"body"


@pytest.mark.parametrize("signing", [True, False])
async def test_a_client_of_impacket(signing: bool) -> None:
    negotiate = impacket_ntlm.getNTLMSSPType1("", "", signing, use_ntlmv2=True)
    server = acceptor(protection=ALLOW, channel=TLS)
    first = await server.step(negotiate.getData(), 1000.0)
    assert isinstance(first, Continue)
    message, key = impacket_ntlm.getNTLMSSPType3(
        negotiate,
        first.token,
        "alice",
        "secret",
        "LAB",
        use_ntlmv2=True,
        channel_binding_value=BINDING.digest,
    )
    outcome = await server.step(message.getData(), 1001.0)
    assert isinstance(outcome, Done), outcome
    assert outcome.established.identity == ALICE
    if signing:
        assert outcome.established.session.session_key == key

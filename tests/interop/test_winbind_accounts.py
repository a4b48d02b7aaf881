"""The real `ntlm_auth` as a source of accounts: alone, about one password, and before a real domain."""

import base64
import hmac
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import spnego

from rpch.auth.accounts import Identity
from rpch.auth.ntlm.proof import NtlmClaim, nt_hash, response_key, session_base_key
from rpch.auth.outcomes import Authenticated, AuthOutcome, Challenge
from rpch.directory.database import Database
from rpch.directory.entries import Entries, EntryKind, NewEntry
from rpch.directory.sign_in_names import entry_id_of, keep_sign_in_names, sign_in_names
from rpch.directory.winbind_accounts import COMMAND, WinbindAccounts
from rpch.errors import TransportError
from rpch.proxy.accounts import WinbindSettings
from rpch.proxy.configuration import ProxyConfiguration
from tests.interop.domain_controller import ALICE, BOB, DOMAIN, REALM, DomainController, domain_controller

PASSWORD = "Pässw0rd!"


@pytest.fixture
async def helper() -> AsyncIterator[WinbindAccounts]:
    accounts = WinbindAccounts((*COMMAND, f"--password={PASSWORD}"), domain="LAB")
    yield accounts
    await accounts.close()


def claim(user: str, domain: str, password: str) -> NtlmClaim:
    """What a client sends that knows this password.  MS-NLMP 3.3.2"""
    challenge, blob = os.urandom(8), bytes.fromhex("0101") + os.urandom(46)
    key = response_key(nt_hash(password), (user.upper() + domain).encode("utf-16-le"))
    return NtlmClaim(user, domain, challenge, hmac.digest(key, challenge + blob, "md5") + blob)


async def test_both_prove_and_share_the_same_key(helper: WinbindAccounts) -> None:
    seeded = random.Random(1)
    for _ in range(20):
        user = "".join(seeded.choices("abcxyzäöüß019", k=8))
        password = PASSWORD if seeded.random() < 0.6 else "wrong"
        proof = await helper.verify_ntlm(sent := claim(user, "LAB", password))
        ours = session_base_key(nt_hash(PASSWORD), sent)
        assert (proof.session_base_key if proof else None) == ours
        if proof is not None:
            assert proof.identity == Identity(user, "LAB")


async def test_names_cannot_end_a_question(helper: WinbindAccounts) -> None:
    injected = "x\nUsername:: " + base64.b64encode(b"alice").decode() + "\n.\n"
    assert await helper.verify_ntlm(claim(injected, "LAB", "wrong")) is None
    assert await helper.verify_ntlm(claim("alice", "LAB", PASSWORD)) is not None


async def test_without_winbind_nobody_is_refused_for_it() -> None:
    accounts = WinbindAccounts(domain="LAB")
    with pytest.raises(TransportError, match="winbind is away"):
        await accounts.verify_ntlm(claim("alice", "LAB", PASSWORD))
    await accounts.close()


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DomainController]:
    with domain_controller(tmp_path_factory.mktemp("domain")) as server:
        yield server


def settings(domain: DomainController) -> WinbindSettings:
    """As an administrator writes them, but for the way into the namespaces."""
    return WinbindSettings(domain=DOMAIN, aliases=[REALM], command=domain.inside(*COMMAND))


@pytest.fixture
async def members(domain: DomainController) -> AsyncIterator[WinbindAccounts]:
    accounts = settings(domain).source()
    yield accounts
    await accounts.close()


async def test_the_domain_says_whose_a_password_is(members: WinbindAccounts) -> None:
    alice = Identity("alice", DOMAIN)
    for name in ("alice", r"LAB\ALICE", r"lab.test\alice", "alice@lab.test"):
        assert await members.verify_password(name, ALICE) == alice
    for name, password in (("alice", BOB), ("alice", ""), ("nobody", ALICE), ("al*", ALICE)):
        assert await members.verify_password(name, password) is None


async def test_the_domain_says_whose_a_proof_is_and_the_key_is_ours(members: WinbindAccounts) -> None:
    for password in (ALICE, "wrong", ALICE):
        proof = await members.verify_ntlm(sent := claim("alice", DOMAIN, password))
        assert (proof.session_base_key if proof else None) == session_base_key(nt_hash(ALICE), sent)


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
async def test_users_of_a_domain_sign_in_at_the_proxy(domain: DomainController, protocol: str) -> None:
    """With a client that is not ours; the proof ends in a key that both share, or its MIC would not hold."""
    configuration = ProxyConfiguration(
        no_tls=True,
        auth=["NTLM", "Negotiate", "Basic"],
        winbind=settings(domain),
        extended_protection="allow",
        public_name="proxy.lab.test",
    )
    accounts = configuration.accounts()
    authenticator = configuration.authenticator(accounts)
    for password, proven in ((ALICE, True), ("wrong", False)):
        client = spnego.client(
            r"LAB\alice",
            password,
            hostname="proxy.lab.test",
            service="http",
            protocol=protocol,
            options=spnego.NegotiateOptions.use_ntlm,
        )
        session, scheme, answer = authenticator.session(), protocol.replace("ntlm", "NTLM"), None
        outcome: AuthOutcome = Challenge(())
        for _ in range(3):
            token = base64.b64encode(client.step(answer) or b"").decode()
            outcome = await session.step(f"{scheme} {token}", secure=True)
            if not isinstance(outcome, Challenge) or outcome.failure is not None:
                break
            answer = base64.b64decode(dict(outcome.headers)["WWW-Authenticate"].partition(" ")[2])
        assert isinstance(outcome, Authenticated) is proven
        if isinstance(outcome, Authenticated):
            assert outcome.identity == Identity("alice", DOMAIN)
        elif isinstance(outcome, Challenge):
            assert outcome.failure is not None
            assert outcome.failure.rule == "WrongCredentials"
    assert isinstance(accounts, WinbindAccounts)
    await accounts.close()


async def test_users_of_a_domain_have_the_entry_of_their_name_or_of_their_principal_name(
    members: WinbindAccounts, tmp_path: Path
) -> None:
    """The domain proves both, and says of neither whose account it is."""
    with closing(Database.open(str(tmp_path / "rpch.sqlite3"))) as database:
        by_name, by_principal = Entries(database).add(*(NewEntry(EntryKind.USER, name) for name in "ab"))
        names = {
            by_name.id: sign_in_names(DOMAIN, ["Alice"]),
            by_principal.id: sign_in_names(DOMAIN, ["other"], [f"Alice@{REALM}"]),
        }
        with database.write() as connection:
            keep_sign_in_names(connection, names)
        for written, entry in ((r"LAB\ALICE", by_name), ("alice@lab.test", by_principal)):
            proven = await members.verify_password(written, ALICE)
            assert proven == Identity("alice", DOMAIN)
            proof = await members.verify_ntlm(claim(*_sent(written), ALICE))
            assert proof is not None
            with database.read() as connection:
                for identity in (proven, proof.identity):
                    assert entry_id_of(connection, identity) == entry.id


def _sent(written: str) -> tuple[str, str]:
    """User and domain as NTLM clients send them: a principal name is a user of no domain."""
    domain, backslash, user = written.rpartition("\\")
    return (user, domain) if backslash else (written, "")


async def test_who_is_disabled_in_the_domain_is_nobody(
    domain: DomainController, members: WinbindAccounts
) -> None:
    assert await members.verify_password("bob", BOB) == Identity("bob", DOMAIN)
    assert domain.run("samba-tool", "user", "disable", "bob") == 0
    assert await members.verify_password("bob", BOB) is None
    assert await members.verify_ntlm(claim("bob", DOMAIN, BOB)) is None
    assert domain.run("samba-tool", "user", "enable", "bob") == 0
    assert await members.verify_password("bob", BOB) == Identity("bob", DOMAIN)

"""The real `ntlm_auth` as a source of accounts. It can be asked about one password without a domain."""

import base64
import hmac
import os
import random
from collections.abc import AsyncIterator

import pytest

from rpch.auth.accounts import Identity
from rpch.auth.ntlm.proof import NtlmClaim, nt_hash, response_key, session_base_key
from rpch.directory.winbind_accounts import COMMAND, WinbindAccounts
from rpch.errors import TransportError

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

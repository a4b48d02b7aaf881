"""Accounts in memory."""

from __future__ import annotations

import hmac

import pytest

from rpch.auth.accounts import NOBODY, Identity, MemoryAccounts, NtlmProof, Standing, parse_user_option
from rpch.auth.ntlm.proof import NtlmClaim, nt_hash, response_key
from rpch.errors import ConfigError

CANARY = "canary-9431"
ALICE, BOB = Identity("alice", "LAB"), Identity("bob", "LAB")
ELSEWHERE = Identity("bob", "OTHER")

# MS-NLMP 4.2.4.2.2
PROVEN = NtlmClaim(
    "User",
    "Domain",
    bytes.fromhex("0123456789abcdef"),
    bytes.fromhex(
        "68cd0ab851e51c96aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
        "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
    ),
)


def lab(**options: bool) -> MemoryAccounts:
    return MemoryAccounts({ALICE: "secret", BOB: "hidden"}, aliases={"lab.example": "LAB"}, **options)


def two_domains() -> MemoryAccounts:
    return MemoryAccounts({ALICE: "secret", BOB: "hidden", ELSEWHERE: "other"})


def test_an_identity_prints_as_domain_and_name() -> None:
    assert str(ALICE) == r"LAB\alice"
    assert str(Identity("alice")) == "alice"


def test_nobody_is_known_by_having_no_name() -> None:
    assert NOBODY.is_nobody
    assert not ALICE.is_nobody


@pytest.mark.parametrize(
    "name", ["alice", r"LAB\alice", r"lab\ALICE", r".\alice", "alice@lab.example", r"lab.example\alice"]
)
async def test_every_form_of_a_name_finds_its_account(name: str) -> None:
    assert await lab().verify_password(name, "secret") == ALICE


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "Secret"), ("alice", "hidden"), ("alice", ""), ("carol", "secret"), ("", "secret"), ("", "")],
)
async def test_wrong_passwords_and_unknown_users_are_nobody(name: str, password: str) -> None:
    assert await lab().verify_password(name, password) is None


async def test_a_domain_nobody_knows_is_taken_while_there_is_only_one() -> None:
    assert await lab().verify_password(r"WORKSTATION\alice", "secret") == ALICE
    assert await lab(foreign_domains=False).verify_password(r"WORKSTATION\alice", "secret") is None
    assert await two_domains().verify_password(r"WORKSTATION\alice", "secret") is None


async def test_a_name_that_may_be_two_people_is_nobody() -> None:
    accounts = two_domains()
    assert await accounts.verify_password("bob", "hidden") is None
    assert await accounts.verify_password(r"OTHER\bob", "other") == ELSEWHERE
    assert await accounts.verify_password(r"OTHER\bob", "hidden") is None
    assert await accounts.verify_password("alice", "secret") == ALICE


async def test_an_ntlm_claim_is_proven_by_the_account_of_its_name() -> None:
    accounts = MemoryAccounts({Identity("user", "DOMAIN"): "Password"})
    key = bytes.fromhex("8de40ccadbc14a82f15cb0ad0de95ca3")
    assert await accounts.verify_ntlm(PROVEN) == NtlmProof(Identity("user", "DOMAIN"), key)


async def test_an_ntlm_claim_is_not_proven_by_anything_else() -> None:
    user, other = Identity("user", "DOMAIN"), Identity("other", "DOMAIN")
    assert await MemoryAccounts({user: "password"}).verify_ntlm(PROVEN) is None
    assert await MemoryAccounts({other: "Password"}).verify_ntlm(PROVEN) is None
    assert await MemoryAccounts({user: "Password"}, ntlm=False).verify_ntlm(PROVEN) is None


async def test_a_user_principal_name_in_an_ntlm_claim_finds_its_account() -> None:
    blob = bytes.fromhex("0101") + bytes(30)
    key = response_key(nt_hash("secret"), "ALICE@LAB.EXAMPLE".encode("utf-16-le"))
    claim = NtlmClaim("alice@lab.example", "", bytes(8), hmac.digest(key, bytes(8) + blob, "md5") + blob)
    proven = await lab().verify_ntlm(claim)
    assert proven is not None
    assert proven.identity == ALICE


def test_without_ntlm_no_hash_is_kept() -> None:
    assert all(account.nt_hash is None for account in lab(ntlm=False)._accounts.values())
    assert all(account.nt_hash for account in lab()._accounts.values())


def test_two_accounts_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="are one name"):
        MemoryAccounts({Identity("Alice", "LAB"): "a", Identity("alice", "lab"): "b"})


async def test_accounts_come_from_options() -> None:
    accounts = MemoryAccounts.from_options([r"LAB\alice:se:cret", "bob@lab.example:hidden"])
    assert await accounts.verify_password("alice", "se:cret") == ALICE
    assert await accounts.verify_password("bob@lab.example", "hidden") == Identity("bob", "lab.example")


def test_a_user_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--user: LAB\\alice is given twice"):
        MemoryAccounts.from_options([r"LAB\alice:a", r"LAB\alice:b"])


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        (CANARY, "there is no password"),
        (f":{CANARY}", "there is no user name"),
        (rf"LAB\:{CANARY}", "there is no user name"),
        (rf"\alice:{CANARY}", "there is no user name"),
        (r"LAB\alice:", r"LAB\\alice has an empty password"),
        (f"alice:{CANARY}\n", "cannot be sent"),
        (rf"A\B\alice:{CANARY}", "cannot be sent"),
    ],
)
def test_a_wrong_option_is_explained_without_its_password(option: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        parse_user_option(option)
    assert CANARY not in str(caught.value)
    assert caught.value.setting == "--user"


def test_no_password_is_kept_or_shown() -> None:
    accounts = MemoryAccounts({ALICE: CANARY})
    shown = f"{accounts!r} {vars(accounts)!r} {NtlmProof(ALICE, CANARY.encode())!r}"
    assert CANARY not in shown
    kept = next(iter(accounts._accounts.values()))
    assert CANARY.encode() not in kept.digest + (kept.nt_hash or b"")


async def test_unknown_users_cost_what_wrong_passwords_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts, work = lab(), []
    compute = hmac.digest

    def counting(key: bytes, message: bytes, digest: str) -> bytes:
        work.append(digest)
        return compute(key, message, digest)

    monkeypatch.setattr(hmac, "digest", counting)

    async def cost(name: str) -> list[str]:
        work.clear()
        assert await accounts.verify_password(name, "wrong") is None
        assert await accounts.verify_ntlm(NtlmClaim(name, "LAB", bytes(8), bytes(48))) is None
        return list(work)

    known, unknown = await cost("alice"), await cost("nobody")
    assert known == unknown
    assert len(known) == 1 + 2 * 6


async def test_an_account_of_a_table_may_be_used_and_no_other() -> None:
    accounts = MemoryAccounts({Identity("alice", "LAB"): "secret"})
    assert await accounts.standing(Identity("ALICE", "lab")) is Standing.GOOD
    assert await accounts.standing(Identity("alice", "OTHER")) is Standing.UNKNOWN
    assert await MemoryAccounts({}).standing(Identity("alice")) is Standing.GOOD

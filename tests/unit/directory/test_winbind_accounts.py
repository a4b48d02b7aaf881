"""Accounts by winbind's helper, with a helper made for the test. `make interop` has the real one."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from rpch.auth.accounts import Identity
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.directory.winbind_accounts import WinbindAccounts
from rpch.errors import TransportError

HELPER = Path(__file__).with_name("winbind_helper.py")
ALICE = Identity("alice", "LAB")
RIGHT = NtlmClaim("Alice", "LAB", bytes(8), b"\xaa" * 48)
WRONG = NtlmClaim("Alice", "LAB", bytes(8), b"\xbb" * 48)
Make = Callable[..., WinbindAccounts]


@pytest.fixture
def starts(tmp_path: Path) -> Path:
    return tmp_path / "starts"


@pytest.fixture
async def make(starts: Path) -> AsyncIterator[Make]:
    made: list[WinbindAccounts] = []

    def accounts(manner: str = "", *, timeout: float = 5.0, helpers: int = 4) -> WinbindAccounts:
        command = (sys.executable, "-S", "-E", str(HELPER), str(starts), manner)
        made.append(
            WinbindAccounts(command, domain="LAB", aliases=["lab.example"], timeout=timeout, helpers=helpers)
        )
        return made[-1]

    yield accounts
    for each in made:
        await each.close()


def started(file: Path) -> int:
    return file.read_text().count("started")


async def test_a_right_proof_shares_the_key_that_the_domain_returns(make: Make) -> None:
    proof = await make().verify_ntlm(RIGHT)
    assert proof is not None
    assert proof.identity == ALICE
    assert proof.session_base_key == hashlib.sha256(b"00" * 8).digest()[:16]


@pytest.mark.parametrize("name", [r"LAB\alice", r"lab\ALICE", "alice", r".\alice", "alice@lab.example"])
async def test_a_right_password_is_somebodys(make: Make, name: str) -> None:
    assert await make().verify_password(name, "secret") == ALICE


async def test_wrong_ones_are_nobodys_and_cost_a_helper(make: Make, starts: Path) -> None:
    accounts = make()
    assert await accounts.verify_ntlm(WRONG) is None
    assert await accounts.verify_password(r"LAB\alice", "wrong") is None
    assert await accounts.verify_password(r"OTHER\alice", "secret") is None
    assert await accounts.verify_ntlm(RIGHT) is not None
    assert started(starts) == 4


async def test_a_helper_that_said_yes_is_asked_again(make: Make, starts: Path) -> None:
    accounts = make()
    for _ in range(3):
        assert await accounts.verify_ntlm(RIGHT) is not None
        assert await accounts.verify_password("alice", "secret") == ALICE
    assert started(starts) == 1


async def test_no_more_helpers_run_than_are_allowed(make: Make, starts: Path) -> None:
    accounts = make(helpers=2)
    answers = await asyncio.gather(*(accounts.verify_ntlm(RIGHT) for _ in range(12)))
    assert all(answer is not None for answer in answers)
    assert started(starts) <= 2


async def test_a_name_cannot_become_a_line_of_its_own(make: Make) -> None:
    injected = "x\nPassword:: c2VjcmV0\nUsername:: YWxpY2U=\n.\n"
    assert await make().verify_password(rf"LAB\{injected}", "wrong") is None
    claim = NtlmClaim(injected, "LAB\n.\n", bytes(8), b"\xbb" * 48)
    assert await make().verify_ntlm(claim) is None


@pytest.mark.parametrize(("name", "password"), [("", "secret"), ("LAB\\", "secret"), ("alice", "")])
async def test_nobody_is_not_asked_for(make: Make, starts: Path, name: str, password: str) -> None:
    accounts = make()
    assert await accounts.verify_password(name, password) is None
    assert await accounts.verify_ntlm(RIGHT) is not None
    assert started(starts) == 1


@pytest.mark.parametrize(
    ("manner", "problem"),
    [
        ("dies", "gave no answer"),
        ("hangs", "gave no answer"),
        ("babbles", "gave no answer"),
        ("away", "winbind is away"),
        ("short", "no session key"),
    ],
)
async def test_a_helper_that_fails_is_no_wrong_password(make: Make, manner: str, problem: str) -> None:
    with pytest.raises(TransportError, match=problem):
        await make(manner, timeout=0.2 if manner == "hangs" else 5.0).verify_ntlm(RIGHT)


async def test_a_key_of_zeros_is_not_printed(make: Make) -> None:
    proof = await make("zero").verify_ntlm(RIGHT)
    assert proof is not None
    assert proof.session_base_key == bytes(16)


async def test_a_helper_that_is_missing_is_said() -> None:
    with pytest.raises(TransportError, match="no-such-helper cannot be started"):
        await WinbindAccounts(["no-such-helper"]).verify_password("alice", "secret")


async def test_a_principal_name_is_told_for_it_need_not_be_the_name_of_the_account(make: Make) -> None:
    accounts = make()
    for name, upn in (("Alice@lab.example", "alice@lab.example"), (r"LAB\alice", "")):
        proven = await accounts.verify_password(name, "secret")
        assert proven is not None
        assert (proven, proven.upn) == (ALICE, upn)
    claimed = await accounts.verify_ntlm(NtlmClaim("Alice@lab.example", "", bytes(8), b"\xaa" * 48))
    assert claimed is None  # this helper knows nobody by that

"""Slowing down whoever guesses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rpch.auth.accounts import AccountSource, Identity, MemoryAccounts, NtlmProof, Standing
from rpch.auth.counters import MemoryCounters
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.auth.throttle import Pace, Throttle, ThrottleLimits, account_of, source_of
from rpch.errors import AccessDenied, TransportError

ALICE = Identity("alice", "LAB")
NLMP_PROOF = (  # MS-NLMP 4.2.4.2.2: the challenge and the response
    bytes.fromhex("0123456789abcdef"),
    bytes.fromhex(
        "68cd0ab851e51c96aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
        "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
    ),
)
HERE, THERE = "192.0.2.1", "198.51.100.1"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class CountingAccounts(MemoryAccounts):
    """Accounts that count what is verified, and let others run meanwhile."""

    def __init__(self) -> None:
        super().__init__({ALICE: "secret"})
        self.verified = 0

    async def verify_password(self, name: str, password: str) -> Identity | None:
        self.verified += 1
        await asyncio.sleep(0)
        return await super().verify_password(name, password)


class World:
    """A throttle with small limits in front of one account."""

    def __init__(self, **limits: int) -> None:
        self.clock, self.accounts = Clock(), CountingAccounts()
        usual = {"per_account_and_source": 3, "per_source": 6, "per_account": 5}
        self.counters = MemoryCounters(clock=self.clock)
        self.throttle = Throttle(ThrottleLimits(**(usual | limits)), self.counters)

    def seen_from(self, peer: str) -> AccountSource:
        return self.throttle.guard(self.accounts, peer=peer)

    async def guess(self, password: str, *, name: str = "alice", peer: str = HERE) -> str:
        try:
            identity = await self.seen_from(peer).verify_password(name, password)
        except AccessDenied as denied:
            return denied.rule
        return "right" if identity else "wrong"


async def test_after_so_many_wrong_guesses_even_the_right_one_is_refused() -> None:
    world = World()
    assert [await world.guess(word) for word in "abc"] == ["wrong"] * 3
    assert await world.guess("secret") == "Throttle"
    assert world.accounts.verified == 3


async def test_a_window_later_guesses_are_taken_again() -> None:
    world = World()
    for word in "abc":
        await world.guess(word)
    world.clock.now = 899.9
    assert await world.guess("secret") == "Throttle"
    world.clock.now = 900.0
    assert await world.guess("secret") == "right"


async def test_the_right_password_forgives_mistakes() -> None:
    world = World()
    for word in ("a", "b", "secret", "c", "d"):
        await world.guess(word)
    assert await world.guess("secret") == "right"


async def test_other_spellings_of_a_name_gain_nothing() -> None:
    world = World()
    names = ["alice", r"LAB\ALICE", "alice@lab.test"]
    assert [await world.guess(name, name=name) for name in names] == ["wrong"] * 3
    assert await world.guess("secret", name=r"ELSEWHERE\alice") == "Throttle"


async def test_other_addresses_of_one_network_gain_nothing() -> None:
    world = World()
    for number in range(3):
        await world.guess(str(number), peer=f"192.0.2.{number}")
    assert await world.guess("secret", peer="192.0.2.99") == "Throttle"
    assert await world.guess("secret", peer=THERE) == "right"


async def test_one_source_may_not_try_many_accounts() -> None:
    world = World()
    tried = [await world.guess("a", name=f"user{number}") for number in range(7)]
    assert tried == ["wrong"] * 6 + ["Throttle"]


async def test_an_owner_is_admitted_from_where_they_usually_are_while_others_guess() -> None:
    world = World()
    assert await world.guess("secret", peer=THERE) == "right"
    outcomes = [await world.guess(str(n), peer=f"203.0.{n}.1") for n in range(6)]
    assert outcomes == ["wrong"] * 5 + ["Throttle"]
    assert await world.guess("secret", peer=HERE) == "Throttle"
    assert await world.guess("secret", peer=THERE) == "right"


async def test_the_same_wrong_password_again_is_one_guess() -> None:
    world = World()
    assert [await world.guess("old") for _ in range(20)] == ["wrong"] * 20
    assert await world.guess("secret") == "right"


async def test_any_number_at_once_gets_no_further_than_one_after_the_other() -> None:
    world = World()
    outcomes = await asyncio.gather(*(world.guess(str(number)) for number in range(1000)))
    assert sorted(outcomes) == ["Throttle"] * 997 + ["wrong"] * 3
    assert world.accounts.verified == 3


async def test_ntlm_counts_as_well() -> None:
    world = World()
    guarded = world.seen_from(HERE)
    claim = NtlmClaim("alice", "LAB", bytes(8), bytes(48))
    for _ in range(3):
        assert await guarded.verify_ntlm(claim) is None
    with pytest.raises(AccessDenied, match="3 wrong guesses by account and source"):
        await guarded.verify_ntlm(claim)


async def test_a_right_proof_of_ntlm_forgives_mistakes() -> None:
    accounts = MemoryAccounts({Identity("user", "DOMAIN"): "Password"})
    guarded = World(per_source=100).throttle.guard(accounts, peer=HERE)
    right = NtlmClaim("User", "Domain", *NLMP_PROOF)
    for _ in range(3):
        assert await guarded.verify_ntlm(NtlmClaim("user", "", bytes(8), bytes(48))) is None
        assert await guarded.verify_ntlm(NtlmClaim("user", "", bytes(8), bytes(48))) is None
        assert await guarded.verify_ntlm(right) is not None


class AwayAccounts(CountingAccounts):
    """Accounts that cannot be reached."""

    async def verify_password(self, name: str, password: str) -> Identity | None:
        raise TransportError("away")

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        raise TransportError("away")


async def test_when_accounts_are_away_nothing_was_guessed() -> None:
    world = World()
    world.accounts = AwayAccounts()
    for _ in range(10):
        with pytest.raises(TransportError):
            await world.seen_from(HERE).verify_password("alice", "a")
        with pytest.raises(TransportError):
            await world.seen_from(HERE).verify_ntlm(NtlmClaim("alice", "", b"", b""))
    world.accounts = CountingAccounts()
    assert await world.guess("secret") == "right"


async def test_a_minute_takes_so_many_wrong_guesses_in_total_and_owners_are_still_admitted() -> None:
    world = World(per_minute=4)
    assert await world.guess("secret", peer=THERE) == "right"
    tried = [await world.guess("a", name=f"user{n}", peer=f"203.0.{n}.1") for n in range(6)]
    assert tried == ["wrong"] * 4 + ["Throttle"] * 2
    assert await world.guess("secret", peer=HERE) == "Throttle"
    assert await world.guess("secret", peer=THERE) == "right"
    world.clock.now = 60.0
    assert await world.guess("secret", peer=HERE) == "right"


async def test_an_office_that_reconnects_at_once_is_served() -> None:
    world = World()
    assert await asyncio.gather(*(world.guess("secret") for _ in range(500))) == ["right"] * 500
    assert not world.throttle._pending._waiting
    assert not world.throttle._pending._pending


async def test_who_waits_and_hangs_up_keeps_nobody_waiting() -> None:
    world = World()
    tasks = [asyncio.create_task(world.guess("secret")) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[3::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [outcome for outcome in outcomes if isinstance(outcome, str)] == ["right"] * 11
    assert await world.guess("secret") == "right"


async def test_who_hangs_up_before_the_answer_has_guessed() -> None:
    world = World()
    for word in "abc":
        task = asyncio.create_task(world.guess(word))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await world.guess("secret") == "Throttle"


async def test_processes_that_share_a_store_share_its_bounds() -> None:
    world, other = World(), World()
    other.throttle = Throttle(world.throttle.limits, world.counters)
    assert [await each.guess(word) for each, word in ((world, "a"), (other, "b"), (world, "c"))] == [
        "wrong"
    ] * 3
    assert await other.guess("secret") == "Throttle"


async def test_no_password_is_kept() -> None:
    world = World()
    await world.guess("canary")
    await world.guess("canary")
    kept = [repr(vars(found)) for found in (world.throttle, world.throttle._passwords, world.counters)]
    assert "canary" not in "".join(kept)


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_source_is_a_network(peer: str, source: str) -> None:
    assert source_of(peer) == source


def test_an_account_is_a_name_without_its_domain() -> None:
    assert account_of(r"LAB\alice") == account_of("Alice@lab.test") == account_of("ALICE") == "ALICE"


def standing(found: Standing) -> Callable[[], Awaitable[Standing]]:
    """An account source that says this."""

    async def ask() -> Standing:
        return found

    return ask


async def admitted(world: World, found: Standing = Standing.GOOD, peer: str = HERE) -> str:
    """What somebody with a certificate finds."""
    try:
        return (await world.throttle.admit(ALICE, standing(found), peer)).name
    except AccessDenied as denied:
        return denied.rule


async def test_who_proves_it_without_a_password_is_refused_where_too_many_were_guessed() -> None:
    world = World()
    for word in "abc":
        await world.guess(word)
    assert await admitted(world) == "Throttle"
    assert await admitted(world, peer=THERE) == "GOOD"
    world.clock.now = 900.0
    assert await admitted(world) == "GOOD"


async def test_an_owner_with_a_certificate_is_not_kept_out_by_guesses_from_elsewhere() -> None:
    world = World(per_account=2)
    assert await admitted(world) == "GOOD"
    for number in range(3):
        await world.guess("a", peer=f"203.0.{number}.1")
    assert await world.guess("secret", peer="203.0.9.1") == "Throttle"
    assert await admitted(world, peer="203.0.9.1") == "Throttle"
    assert await admitted(world) == "GOOD"


async def test_accounts_that_may_not_be_used_are_no_guesses() -> None:
    world = World()
    for found in (Standing.DISABLED, Standing.LOCKED, Standing.UNKNOWN) * 3:
        assert await admitted(world, found) == found.name
    assert await world.guess("secret") == "right"


async def test_an_account_source_that_is_away_is_no_guess_either() -> None:
    world = World()

    async def away() -> Standing:
        raise TransportError("away")

    for _ in range(9):
        with pytest.raises(TransportError):
            await world.throttle.admit(ALICE, away, HERE)
    assert await world.guess("secret") == "right"


class Wheel:
    """Sleeps that take no time, and are noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slept: list[float] = []
        self._sleep = asyncio.sleep
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self._sleep(0)


async def test_who_is_refused_unlooked_waits_as_long_as_wrong_guesses_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, clock = World(), Clock()
    world.throttle.passwords = Pace(clock)

    async def slow(name: str, password: str) -> Identity | None:
        clock.now += 0.25
        return None

    monkeypatch.setattr(world.accounts, "verify_password", slow)
    wheel = Wheel(monkeypatch)
    for number in range(3):
        assert await world.guess(str(number)) == "wrong"
    assert wheel.slept == []
    assert await world.guess("secret") == "Throttle"
    assert wheel.slept == [0.25]


async def test_nobody_waits_before_it_is_known_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(per_account_and_source=0)
    wheel = Wheel(monkeypatch)
    assert await world.guess("secret") == "Throttle"
    assert wheel.slept == []


async def test_nobody_waits_longer_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, wheel = Clock(), Wheel(monkeypatch)
    pace = Pace(clock)
    began = pace.began()
    clock.now += 60
    pace.took(began)
    await pace.wait()
    assert wheel.slept == [1.0]


async def test_proofs_and_passwords_have_a_pace_each() -> None:
    throttle = Throttle()
    assert throttle.passwords is not throttle.proofs

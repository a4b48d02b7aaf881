"""Accounts of a database, as whoever authenticates asks for them."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator

import pytest
import structlog.testing
from sqlalchemy import event, update

from rpch.auth.accounts import Identity, Standing
from rpch.auth.names import UserName
from rpch.auth.ntlm.proof import NtlmClaim, nt_hash, response_key
from rpch.directory.database_accounts import DatabaseAccounts
from rpch.directory.passwords import HashingCost, Passwords
from rpch.directory.tables import ACCOUNTS
from rpch.directory.vault import Vault
from rpch.errors import AccessDenied, TransportError
from tests.unit.directory.conftest import Directory

ALICE, BOB, ELSEWHERE = Identity("alice", "LAB"), Identity("bob", "LAB"), Identity("bob", "OTHER")
CHALLENGE, BLOB = bytes(8), bytes.fromhex("0101") + bytes(46)


def claim(user: str, domain: str, password: str, *, hashed_as: str | None = None) -> NtlmClaim:
    """What a client sends that knows this password.  MS-NLMP 3.3.2"""
    identity = user.upper() + domain if hashed_as is None else hashed_as
    key = response_key(nt_hash(password), identity.encode("utf-16-le"))
    return NtlmClaim(user, domain, CHALLENGE, hmac.digest(key, CHALLENGE + BLOB, "md5") + BLOB)


@pytest.fixture
def lab(directory: Directory) -> DatabaseAccounts:
    directory.store.add(ALICE, "secret", mail="a.adams@lab.example", ntlm=True)
    directory.store.add(BOB, "hidden")
    directory.store.add_domain_alias("lab.example", "LAB")
    return directory.accounts


FORMS = ["alice", r"LAB\alice", r"lab\ALICE", r".\alice", "alice@lab.example", r"lab.example\alice"]
STRANGE = ["", "a\0b", "\ud800", "x" * 5000, "\\", "@", "%", "' OR 1=1 --"]


@pytest.mark.parametrize("name", [*FORMS, r"PC\alice", "A.Adams@lab.example"])
async def test_every_form_of_a_name_finds_its_account(lab: DatabaseAccounts, name: str) -> None:
    assert await lab.verify_password(name, "secret") == ALICE


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "Secret"),
        ("alice", "hidden"),
        ("alice", ""),
        ("carol", "secret"),
        *((name, "secret") for name in STRANGE),
    ],
)
async def test_wrong_passwords_and_unknown_users_are_nobody(
    lab: DatabaseAccounts, name: str, password: str
) -> None:
    assert await lab.verify_password(name, password) is None
    assert await lab.verify_ntlm(claim(name, "LAB", password, hashed_as="")) is None


async def test_a_name_that_may_be_two_people_is_nobody(directory: Directory, lab: DatabaseAccounts) -> None:
    directory.store.add(ELSEWHERE, "other")
    assert await lab.verify_password("bob", "hidden") is None
    assert await lab.verify_password(r"OTHER\bob", "other") == ELSEWHERE
    assert await lab.verify_password(r"LAB\bob", "other") is None
    assert await lab.verify_password("alice", "secret") == ALICE
    assert await lab.verify_password(r"PC\alice", "secret") is None


async def test_unknown_domains_can_be_taken_or_not(directory: Directory, lab: DatabaseAccounts) -> None:
    parts = (directory.database, directory.vault, directory.passwords)
    strict = DatabaseAccounts(*parts, foreign_domains=False)
    assert await strict.verify_password(r"PC\alice", "secret") is None
    assert await strict.verify_password("alice", "secret") == ALICE
    directory.store.add(ELSEWHERE, "other")
    loose = DatabaseAccounts(*parts, foreign_domains=True)
    assert await loose.verify_password(r"PC\alice", "secret") == ALICE


@pytest.mark.parametrize(
    "proof",
    [
        claim("alice", "LAB", "secret"),
        claim("Alice", "PC", "secret"),
        claim("alice", "LAB", "secret", hashed_as="ALICE"),
        claim("alice@lab.example", "", "secret"),
        claim("a.adams@lab.example", "", "secret"),
    ],
    ids=lambda each: f"{each.domain}-{each.user}",
)
async def test_a_right_proof_of_ntlm_shares_a_key(lab: DatabaseAccounts, proof: NtlmClaim) -> None:
    proven = await lab.verify_ntlm(proof)
    assert proven is not None
    assert proven.identity == ALICE
    assert len(proven.session_base_key) == 16


async def test_without_ntlm_a_right_proof_is_none(directory: Directory, lab: DatabaseAccounts) -> None:
    assert await lab.verify_ntlm(claim("bob", "LAB", "hidden")) is None
    directory.store.forbid_ntlm("alice")
    assert await lab.verify_ntlm(claim("alice", "LAB", "secret")) is None
    assert await lab.verify_password("alice", "secret") == ALICE


async def test_a_disabled_account_is_named_to_whoever_knows_its_password(
    directory: Directory, lab: DatabaseAccounts
) -> None:
    directory.store.set_enabled("alice", enabled=False)
    with pytest.raises(AccessDenied, match="AccountDisabled"):
        await lab.verify_password("alice", "secret")
    with pytest.raises(AccessDenied, match="AccountDisabled"):
        await lab.verify_ntlm(claim("alice", "LAB", "secret"))
    assert await lab.verify_password("alice", "wrong") is None
    assert await lab.verify_ntlm(claim("alice", "LAB", "wrong")) is None
    directory.store.set_enabled("alice", enabled=True)
    assert await lab.verify_password("alice", "secret") == ALICE


async def test_a_new_password_holds_at_once(directory: Directory, lab: DatabaseAccounts) -> None:
    directory.store.set_password("alice", "changed")
    assert await lab.verify_password("alice", "secret") is None
    assert await lab.verify_password("alice", "changed") == ALICE
    assert await lab.verify_ntlm(claim("alice", "LAB", "secret")) is None
    assert await lab.verify_ntlm(claim("alice", "LAB", "changed")) is not None


async def test_a_right_password_is_hashed_anew_when_the_cost_was_raised(
    directory: Directory, lab: DatabaseAccounts
) -> None:
    raised = Passwords(HashingCost(passes=1, memory=16, lanes=1))
    dearer = DatabaseAccounts(directory.database, directory.vault, raised)

    def cost() -> str:
        with directory.database.read() as connection:
            rows = connection.execute(ACCOUNTS.select().where(ACCOUNTS.c.name == "alice"))
            hashed: str = rows.one().password_hash
            return hashed.split("$")[3]

    assert await dearer.verify_password("alice", "wrong") is None
    assert cost() == "m=8,t=1,p=1"
    assert await dearer.verify_password("alice", "secret") == ALICE
    assert cost() == "m=16,t=1,p=1"
    assert await dearer.verify_password("alice", "secret") == ALICE
    raised.close()


async def test_a_hash_that_another_key_sealed_is_reported(
    directory: Directory, lab: DatabaseAccounts
) -> None:
    other = DatabaseAccounts(directory.database, Vault([bytes(32)]), directory.passwords)
    with structlog.testing.capture_logs() as lines:
        assert await other.verify_ntlm(claim("alice", "LAB", "secret")) is None
    assert [line["event"] for line in lines] == ["an NT hash cannot be opened; set the password anew"]
    assert await other.verify_password("alice", "secret") == ALICE


async def test_a_hash_copied_from_another_account_does_not_open(
    directory: Directory, lab: DatabaseAccounts
) -> None:
    directory.store.set_password("bob", "hidden", ntlm=True)
    with directory.database.write() as connection:
        sealed = ACCOUNTS.select().with_only_columns(ACCOUNTS.c.nt_hash).where(ACCOUNTS.c.name == "bob")
        stolen = connection.execute(sealed).scalar()
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == "alice").values(nt_hash=stolen))
    with structlog.testing.capture_logs():
        assert await lab.verify_ntlm(claim("alice", "LAB", "hidden")) is None


async def test_a_database_that_is_away_is_no_wrong_password(
    directory: Directory, lab: DatabaseAccounts
) -> None:
    directory.database._engine.dispose()
    for file in directory.file.parent.iterdir():
        file.unlink()
    directory.file.mkdir()
    with pytest.raises(TransportError, match="cannot be used"):
        await lab.verify_password("alice", "secret")
    with pytest.raises(TransportError, match="cannot be used"):
        await lab.verify_ntlm(claim("alice", "LAB", "secret"))


@pytest.fixture
def work(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Everything that costs time, in order: statements, hashes, HMACs and openings of sealed values."""
    done: list[str] = []

    def noting(what: str, call: Callable[..., object]) -> Callable[..., object]:
        def noted(*args: object, **options: object) -> object:
            done.append(what)
            return call(*args, **options)

        return noted

    def statement(connection: object, cursor: object, sql: str, *rest: object) -> None:
        done.append(sql)

    monkeypatch.setattr(hmac, "digest", noting("hmac", hmac.digest))
    monkeypatch.setattr(Vault, "open", noting("open", Vault.open))
    hasher = directory.passwords._hasher
    monkeypatch.setattr(type(hasher), "verify", noting("argon2", type(hasher).verify))
    event.listen(directory.database._engine, "before_cursor_execute", statement)
    yield done
    event.remove(directory.database._engine, "before_cursor_execute", statement)


async def test_known_unknown_and_disabled_users_cost_the_same(
    directory: Directory, lab: DatabaseAccounts, work: list[str]
) -> None:
    directory.store.add(Identity("carol", "LAB"), "third", ntlm=True)
    directory.store.set_enabled("carol", enabled=False)

    async def cost(name: str) -> list[str]:
        work.clear()
        assert await lab.verify_password(name, "wrong") is None
        assert await lab.verify_ntlm(claim(name, "LAB", "wrong", hashed_as="")) is None
        return list(work)

    wrong = await cost("alice")
    for name in ("bob", "carol", "nobody", "a\0b", "nobody@lab.example"):
        assert (await cost(name))[: len(wrong)] == wrong
    assert (work.count("argon2"), work.count("open")) == (1, 1)
    assert len([each for each in work if each.startswith("SELECT")]) == 2 * 3


def test_it_shows_no_secret(lab: DatabaseAccounts, directory: Directory) -> None:
    assert repr(lab).startswith("<DatabaseAccounts sqlite:///")
    found = lab._find(UserName.parse("alice"), "alice")
    assert found is not None
    assert "argon2" not in repr(found)
    assert "nt_hash" not in repr(found)


async def test_it_is_known_what_became_of_an_account(directory: Directory, lab: DatabaseAccounts) -> None:
    assert await lab.standing(Identity("ALICE", "lab")) is Standing.GOOD
    directory.store.set_enabled(r"LAB\alice", enabled=False)
    assert await lab.standing(ALICE) is Standing.DISABLED
    for nobody in (ELSEWHERE, Identity("carol", "LAB"), *(Identity(name, "LAB") for name in STRANGE)):
        assert await lab.standing(nobody) is Standing.UNKNOWN

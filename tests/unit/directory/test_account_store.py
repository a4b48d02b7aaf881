"""Accounts as an administrator sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from rpch.auth.accounts import Identity
from rpch.auth.ntlm.proof import nt_hash
from rpch.directory.account_store import Account, default_key_file, vault_of
from rpch.directory.tables import ACCOUNTS
from rpch.errors import ConfigError
from tests.unit.directory.conftest import Directory

CANARY = "canary-9431"
ALICE, BOB, ELSEWHERE = Identity("alice", "LAB"), Identity("bob", "LAB"), Identity("alice", "OTHER")


def secrets_of(directory: Directory, account: Account) -> tuple[str, bytes | None]:
    with directory.database.read() as connection:
        wanted = select(ACCOUNTS.c.password_hash, ACCOUNTS.c.nt_hash)
        row = connection.execute(wanted.where(ACCOUNTS.c.entry_id == account.entry_id)).one()
    return row.password_hash, row.nt_hash


def opened(directory: Directory, account: Account) -> bytes | None:
    sealed = secrets_of(directory, account)[1]
    guid = directory.entries.get(account.entry_id)[account.entry_id].guid
    return directory.vault.open(sealed, guid.bytes) if sealed else None


def test_a_new_account_has_an_entry_in_the_book(directory: Directory) -> None:
    made = directory.store.add(ALICE, CANARY, display_name="Alice Adams", mail="alice@lab.example")
    assert (made.identity, made.enabled, made.ntlm) == (ALICE, True, False)
    entry = directory.entries.get(made.entry_id)[made.entry_id]
    assert (entry.display_name, entry.alias, entry.mail) == ("Alice Adams", "alice", "alice@lab.example")
    assert made.created == made.password_changed == directory.clock.now


def test_no_password_is_stored_and_an_nt_hash_only_for_ntlm(directory: Directory) -> None:
    without = directory.store.add(ALICE, CANARY)
    with_ntlm = directory.store.add(BOB, CANARY, ntlm=True)
    assert secrets_of(directory, without)[1] is None
    assert opened(directory, with_ntlm) == nt_hash(CANARY)
    directory.database.close()
    stored = b"".join(file.read_bytes() for file in directory.file.parent.iterdir())
    assert CANARY.encode() not in stored
    assert nt_hash(CANARY) not in stored
    assert CANARY not in repr(with_ntlm)


def test_a_sealed_hash_opens_for_its_own_account_alone(directory: Directory) -> None:
    alice = directory.store.add(ALICE, CANARY, ntlm=True)
    bob = directory.store.add(BOB, CANARY, ntlm=True)
    assert secrets_of(directory, alice)[1] != secrets_of(directory, bob)[1]


@pytest.mark.parametrize("name", ["alice", "ALICE", r"lab\alice", "alice@lab.example", "alice@lab.dns"])
def test_an_account_is_found_by_every_form_of_its_name(directory: Directory, name: str) -> None:
    made = directory.store.add(ALICE, CANARY, mail="alice@lab.example")
    directory.store.add_domain_alias("lab.dns", "LAB")
    assert directory.store.get(name) == made


def test_a_mail_address_finds_an_account_of_another_name(directory: Directory) -> None:
    made = directory.store.add(ALICE, CANARY, mail="a.adams@lab.example")
    assert directory.store.get("A.Adams@lab.example") == made


def test_who_is_not_there_or_may_be_several_is_said(directory: Directory) -> None:
    with pytest.raises(ConfigError, match="there is no account 'alice'"):
        directory.store.get("alice")
    directory.store.add(ALICE, CANARY)
    directory.store.add(ELSEWHERE, CANARY)
    with pytest.raises(ConfigError, match=r"may be LAB\\alice, OTHER\\alice; name the domain"):
        directory.store.get("alice")
    assert directory.store.get(r"OTHER\alice").identity == ELSEWHERE


def test_one_name_is_one_account(directory: Directory) -> None:
    directory.store.add(ALICE, CANARY)
    with pytest.raises(ConfigError, match=r"lab\\ALICE exists already"):
        directory.store.add(Identity("ALICE", "lab"), CANARY)
    assert len(directory.store.list()) == len(directory.entries.changes().entries) == 1


@pytest.mark.parametrize(
    "identity",
    [
        Identity(""),
        Identity("x" * 257),
        Identity("a\nb"),
        Identity(r"a\b"),
        Identity("a:b"),
        Identity("alice", "LAB@x"),
    ],
)
def test_names_that_nobody_could_send_are_refused(directory: Directory, identity: Identity) -> None:
    with pytest.raises(ConfigError):
        directory.store.add(identity, CANARY)


def test_an_empty_password_is_refused(directory: Directory) -> None:
    with pytest.raises(ConfigError, match="password: is empty"):
        directory.store.add(ALICE, "")
    made = directory.store.add(ALICE, CANARY)
    with pytest.raises(ConfigError, match="password: is empty"):
        directory.store.set_password("alice", "")
    assert directory.store.get("alice") == made


def test_accounts_are_listed_by_domain_and_name(directory: Directory) -> None:
    for identity in (ELSEWHERE, BOB, ALICE):
        directory.store.add(identity, CANARY)
    assert [account.identity for account in directory.store.list()] == [ALICE, BOB, ELSEWHERE]


def test_ntlm_comes_with_a_new_password_and_goes_at_once(directory: Directory) -> None:
    store = directory.store
    made = store.add(ALICE, "first")
    directory.clock.now += 1
    assert store.set_password("alice", "second", ntlm=True).ntlm
    assert opened(directory, made) == nt_hash("second")
    assert store.set_password("alice", "third").ntlm
    assert opened(directory, made) == nt_hash("third")
    assert store.get("alice").password_changed == directory.clock.now
    assert not store.forbid_ntlm("alice").ntlm
    assert opened(directory, made) is None
    assert not store.set_password("alice", "fourth").ntlm
    assert opened(directory, made) is None


def test_an_account_is_disabled_and_enabled(directory: Directory) -> None:
    directory.store.add(ALICE, CANARY)
    assert not directory.store.set_enabled("alice", enabled=False).enabled
    assert directory.store.set_enabled("alice", enabled=True).enabled


def test_what_others_see_can_be_changed(directory: Directory) -> None:
    directory.store.add(ALICE, CANARY, mail="alice@lab.example")
    changed = directory.store.describe("alice", display_name="Ally")
    assert (changed.display_name, changed.mail) == ("Ally", "alice@lab.example")
    changed = directory.store.describe("alice", mail="")
    assert (changed.display_name, changed.mail) == ("Ally", None)


def test_a_removed_account_leaves_nothing(directory: Directory) -> None:
    made = directory.store.add(ALICE, CANARY, ntlm=True)
    assert directory.store.remove("alice") == made
    assert directory.store.list() == []
    assert directory.entries.changes().removed == [made.entry_id]
    assert directory.store.add(ALICE, CANARY).entry_id != made.entry_id


def test_domains_have_other_names(directory: Directory) -> None:
    directory.store.add_domain_alias("lab.example", "LAB")
    directory.store.add_domain_alias("LAB.example", "OTHER")
    assert directory.store.domain_aliases() == {"LAB.EXAMPLE": "OTHER"}
    directory.store.remove_domain_alias("lab.example")
    assert directory.store.domain_aliases() == {}


def test_a_new_database_gets_a_key_and_keeps_it(directory: Directory, tmp_path: Path) -> None:
    file = tmp_path / "rpch.key"
    sealed = vault_of(directory.database, file).seal(b"secret", b"")
    assert vault_of(directory.database, file).open(sealed, b"") == b"secret"


def test_another_key_or_none_is_refused(directory: Directory, tmp_path: Path) -> None:
    file = tmp_path / "rpch.key"
    vault_of(directory.database, file)
    file.write_text("ab" * 32)
    with pytest.raises(ConfigError, match="is not the key of"):
        vault_of(directory.database, file)
    file.unlink()
    with pytest.raises(ConfigError, match="there is no"):
        vault_of(directory.database, file)
    assert not file.exists()


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("data/rpch.sqlite3", "data/rpch.key"),
        ("sqlite:////var/lib/rpch/a.sqlite3", "/var/lib/rpch/rpch.key"),
        ("postgresql://db/rpch", "rpch.key"),
    ],
)
def test_the_key_is_beside_the_database_by_default(url: str, file: str) -> None:
    assert default_key_file(url) == Path(file)


def test_an_account_may_be_looked_for_that_is_not_there(directory: Directory) -> None:
    made = directory.store.add(Identity("alice", "LAB"), "secret")
    assert directory.store.find("alice") == made
    assert directory.store.find("nobody") is None
    directory.store.add(Identity("alice", "OTHER"), "secret")
    with pytest.raises(ConfigError, match="name the domain"):
        directory.store.find("alice")

"""Secrets at rest."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rpch.directory.vault import CannotOpen, Vault, open_vault
from rpch.errors import ConfigError

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
SECRET, OWNER, OTHER = b"canary-canary-16", b"alice", b"bob"


def test_what_is_sealed_opens_for_its_owner_alone() -> None:
    vault = Vault([OLD])
    sealed = vault.seal(SECRET, OWNER)
    assert SECRET not in sealed
    assert vault.open(sealed, OWNER) == SECRET
    with pytest.raises(CannotOpen, match="another owner"):
        vault.open(sealed, OTHER)


def test_the_same_secret_is_never_sealed_twice_alike() -> None:
    vault = Vault([OLD])
    assert vault.seal(SECRET, OWNER) != vault.seal(SECRET, OWNER)


def test_one_changed_bit_is_noticed_wherever_it_is() -> None:
    vault = Vault([OLD])
    sealed = vault.seal(SECRET, OWNER)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(CannotOpen):
            vault.open(changed, OWNER)
        with pytest.raises(CannotOpen):
            vault.open(sealed[:at], OWNER)


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    old, both, new = Vault([OLD]), Vault([NEW, OLD]), Vault([NEW])
    sealed = old.seal(SECRET, OWNER)
    assert both.open(sealed, OWNER) == SECRET
    assert new.open(both.seal(SECRET, OWNER), OWNER) == SECRET
    with pytest.raises(CannotOpen, match="another key"):
        new.open(sealed, OWNER)


def test_a_database_knows_its_key_again() -> None:
    assert Vault([OLD]).fits(Vault([OLD]).check)
    assert Vault([NEW, OLD]).fits(Vault([OLD]).check)
    assert not Vault([NEW]).fits(Vault([OLD]).check)


def test_digests_depend_on_the_key_and_on_every_word() -> None:
    vault = Vault([OLD])
    assert vault.digest("a", "b") == Vault([OLD]).digest("a", "b")
    names = {
        vault.digest("a", "b"),
        vault.digest("ab"),
        vault.digest("b", "a"),
        Vault([NEW]).digest("a", "b"),
    }
    assert len(names) == 4


@pytest.mark.parametrize("keys", [[], [b"short"]])
def test_a_vault_needs_whole_keys(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(keys)


def test_it_shows_no_key() -> None:
    assert repr(Vault([OLD])) == "<Vault of 1 keys>"


def test_a_new_key_file_is_its_owners_alone_and_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "made" / "rpch.key"
    sealed = open_vault(file, create=True).seal(SECRET, OWNER)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["rpch.key"]
    assert open_vault(file, create=True).open(sealed, OWNER) == SECRET


def test_a_key_file_holds_several_keys_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "rpch.key"
    file.touch(0o600)
    file.write_text(f"# of spring\n{NEW.hex()}\n\n{OLD.hex()}\n")
    assert open_vault(file).open(Vault([OLD]).seal(SECRET, OWNER), OWNER) == SECRET


def test_a_key_file_that_is_missing_is_not_made_by_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no .*copy the one"):
        open_vault(tmp_path / "rpch.key")
    assert not (tmp_path / "rpch.key").exists()


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rpch.key"
    file.write_text(OLD.hex())
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        open_vault(file)


@pytest.mark.parametrize("text", ["", "canary", "ab" * 31, "zz" * 32, "é"])
def test_what_is_no_key_is_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rpch.key"
    file.touch(0o600)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_vault(file)
    assert "canary" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        open_vault(tmp_path / "file" / "rpch.key", create=True)


def test_several_that_make_it_together_get_one_key(tmp_path: Path) -> None:
    checks: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: checks.append(open_vault(tmp_path / "k", create=True).check))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(checks) == 8
    assert len(set(checks)) == 1

"""The laboratory: users, certificates, services, and a proxy that leads to them."""

import asyncio
import stat
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from rpch.auth.accounts import Identity
from rpch.directory.foreign_accounts import ForeignAccounts
from rpch.directory.opening import Directory
from rpch.front.lab import (
    CHANGED,
    DEMO_PORT,
    DIRECTORY_PORT,
    MAPPER_PORT,
    REFERRAL_PORT,
    as_they_are,
    lab_accounts,
    lab_certificates,
    lab_directory,
    lab_names,
    lab_proxy,
    lab_users,
    start_services,
)
from rpch.http.channels import read_channel_request
from rpch.http.heads import RequestHead
from rpch.proxy.accounts import WinbindSettings
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.policy import Allowed
from rpch.server.runtime import RpcServer


def test_users_are_made_once_and_their_passwords_are_their_owners(tmp_path: Path) -> None:
    users = lab_users(tmp_path / "new")
    assert [user.name for user in users] == [rf"LAB\{name}" for name in ("alice", "bob", "carol", "dave")]
    assert users[0].address == "alice@lab.example"
    assert len({user.password for user in users}) == len(users)
    assert stat.S_IMODE((tmp_path / "new" / "users.json").stat().st_mode) == 0o600
    assert lab_users(tmp_path / "new") == users


@pytest.mark.slow
async def test_users_are_entered_once_and_what_becomes_of_them_holds(tmp_path: Path) -> None:
    made = lab_users(tmp_path)
    with closing(lab_directory(tmp_path, made)) as directory:
        assert as_they_are(made, directory) == made
        alice = made[0]
        for name in ("alice", "alice@lab.example", r"LAB\alice"):
            identity = await directory.accounts.verify_password(name, alice.password)
            assert identity == Identity("alice", "LAB")
        assert all(account.ntlm for account in directory.store.list())
        directory.store.set_password("alice", "another")
        directory.store.remove("bob")
        directory.store.set_enabled("carol", enabled=False)
    with closing(lab_directory(tmp_path, made)) as directory:
        now = as_they_are(made, directory)
        assert [user.name for user in now] == [r"LAB\alice", r"LAB\dave"]
        assert [user.password for user in now] == [CHANGED, made[3].password]
        for account in directory.store.list():
            directory.store.remove(str(account.identity))
    with closing(lab_directory(tmp_path, made)) as directory:
        assert as_they_are(made, directory) == []


@pytest.mark.slow
def test_users_of_a_domain_take_the_place_of_those_of_the_folder(tmp_path: Path) -> None:
    with closing(lab_directory(tmp_path, lab_users(tmp_path))) as directory:
        assert lab_accounts(directory, ProxyConfiguration()) is directory.accounts
        there = lab_accounts(directory, ProxyConfiguration(winbind=WinbindSettings(domain="CORP")))
        assert isinstance(there, ForeignAccounts)
        assert (there.domain(), there.database) == ("CORP", directory.database)


def test_the_names_of_a_machine_come_without_repetition() -> None:
    names = lab_names("127.0.0.1")
    assert len(names) == len(set(names))
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert "lab.example" in lab_names("lab.example")


async def test_the_proxy_leads_well_known_ports_to_the_services(tmp_path: Path) -> None:
    with closing(Directory.open(str(tmp_path / "book.sqlite3"))) as directory:
        await _leads_to_the_services(tmp_path, directory)


async def _leads_to_the_services(tmp_path: Path, directory: Directory) -> None:
    async with asyncio.TaskGroup() as tasks:
        server = RpcServer(tasks)
        services = await start_services(server, directory)
        settings = lab_proxy("127.0.0.1:0", tmp_path, services, lab_certificates(tmp_path, "127.0.0.1"))
        policy = settings.policy()
        mailbox = f"{uuid4()}@lab.example"
        for host, asked, name in (
            ("localhost", MAPPER_PORT, "mapper"),
            ("localhost", DEMO_PORT, "demo"),
            ("localhost", REFERRAL_PORT, "referral"),
            ("localhost", DIRECTORY_PORT, "directory"),
            (mailbox, DIRECTORY_PORT, "directory"),
            ("localhost", services.ports["demo"], "demo"),
        ):
            head = RequestHead(
                "RPC_IN_DATA",
                f"/rpc/rpcproxy.dll?{host}:{asked}",
                "1.1",
                (("host", "p"), ("content-length", "131072")),
            )
            decision = policy.decide(read_channel_request(head), Identity("alice", "LAB"), secure=True)
            assert isinstance(decision, Allowed)
            assert decision.address is not None
            assert decision.address.port == services.ports[name]
        assert settings.tls() is not None
        assert settings.warnings() == []
        await server.close()
        services.book.close()

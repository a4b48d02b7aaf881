"""impacket's ntlmrelayx between a victim and us: that the attack is real, and what stops it.

Without extended protection the attacker makes a call as the victim, who was lured to the attacker's machine.
With it the proof says where the victim wanted to go.  MS-NLMP 5.1
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import spnego
from impacket.uuid import uuidtup_to_bin
from spnego.channel_bindings import GssChannelBindings

from rpch.auth.channel_binding import ChannelBinding
from tests.interop.impacket_client import over_http
from tests.interop.impacket_relay import Https, Relay, RpcOverHttp, relaying, use_for_rpc
from tests.interop.laboratory import ADD, DEMO, Laboratory, laboratory
from tests.interop.processes import run_once
from tests.interop.relays import Authority
from tests.ntlm_over_http import ECHO, HttpsPeer

NONE, ALLOW, REQUIRE = MODES = ("none", "allow", "require")
AUTODISCOVER = "/autodiscover/autodiscover.xml"


@dataclass(frozen=True)
class Scene:
    """Our system, and the attacker beside it."""

    lab: Laboratory
    mode: str
    authority: Authority
    folder: Path
    before: int = 0

    @property
    def user(self) -> str:
        """The victim, as a client names them."""
        return "\\".join(self.lab.account[:2])

    @property
    def password(self) -> str:
        """What the attacker never sees."""
        return self.lab.account[2]

    def refusals(self) -> set[str]:
        """By which rules credentials were refused in this scene."""
        return {line["rule"] for line in self.log() if "rule" in line}

    def log(self) -> list[dict[str, Any]]:
        """What our system has said in this scene."""
        return self.lab.served.log()[self.before :]


@pytest.fixture(scope="module", params=MODES)
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Laboratory]]:
    """One for each mode."""
    with laboratory(tmp_path_factory.mktemp("up"), "--extended-protection", request.param) as running:
        yield request.param, running


@pytest.fixture
def scene(system: tuple[str, Laboratory], tmp_path: Path, authority: Authority) -> Scene:
    mode, lab = system
    return Scene(lab, mode, authority, tmp_path, len(lab.served.log()))


Victim = Callable[[Scene, int], None]


def curl(scene: Scene, port: int) -> None:
    """It follows a link of plain HTTP. Its NTLM says neither where it wants to go nor what it sees."""
    who = f"{scene.user}:{scene.password}"
    run_once(["curl", "-s", "--max-time", "10", "--ntlm", "-u", who, f"http://127.0.0.1:{port}/"])


def pyspnego(scene: Scene, port: int, *, binds: bool, wants: str) -> None:
    """It trusts the attacker's certificate for the attacker's name, and its NTLM says what it knows."""
    with HttpsPeer(port, scene.authority.ca) as peer:
        binding = ChannelBinding.of_certificate(peer.certificate)
        assert binding is not None
        gss = GssChannelBindings(application_data=binding.application_data) if binds else None
        context = spnego.client(
            scene.user,
            scene.password,
            hostname=wants,
            service="HTTP",
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
            channel_bindings=gss,
        )
        peer.prove("NTLM", context.step)


def bound(scene: Scene, port: int) -> None:
    """As Windows does over TLS."""
    pyspnego(scene, port, binds=True, wants="localhost")


def naming(scene: Scene, port: int) -> None:
    """As an older client does that knows the name it was lured to, and no bindings."""
    pyspnego(scene, port, binds=False, wants="intranet.evil.test")


REFUSED: dict[tuple[Victim, str], str] = {
    (curl, REQUIRE): "NoChannelBinding",  # under allow nobody can tell: hence Require by default
    (bound, ALLOW): "ChannelBinding",
    (bound, REQUIRE): "ChannelBinding",
    (naming, ALLOW): "TargetName",
    (naming, REQUIRE): "NoChannelBinding",
}


@pytest.mark.parametrize("victim", [curl, bound, naming])
def test_a_victim_is_relayed_to_autodiscover_only_where_nothing_is_checked(
    scene: Scene, victim: Victim
) -> None:
    rule = REFUSED.get((victim, scene.mode))
    with attacker(scene, Https, AUTODISCOVER, victim) as relay:
        victim(scene, relay.port)
        if rule is None:
            assert relay.has_won()
    assert scene.refusals() == ({rule} if rule else set())
    assert bool(relay.won) == (rule is None)


@pytest.mark.parametrize("victim", [curl, bound, naming])
def test_a_victim_s_channels_are_the_attackers_only_where_nothing_is_checked(
    scene: Scene, victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = REFUSED.get((victim, scene.mode))
    with attacker(scene, RpcOverHttp, f"{ECHO}?localhost:6001", victim) as relay:
        for _ in range(2):  # one for each channel
            victim(scene, relay.port)
        if rule is None:
            assert relay.has_won(2)
            assert add(scene, relay, monkeypatch) == 42
    if rule is not None:
        assert scene.refusals() == {rule}
        assert relay.won == []
        return
    opened = [line for line in scene.log() if line["event"] == "opened"]
    assert {line["user"] for line in opened} == {scene.user}


def attacker(scene: Scene, client: type[Https], path: str, victim: Victim) -> AbstractContextManager[Relay]:
    """ntlmrelayx with our system as its target; TLS for those victims that want it."""
    certificate = None if victim is curl else scene.authority.leaf
    url = f"https://localhost:{scene.lab.served.port}{path}"
    return relaying(url, client, scene.folder, certificate)


def add(scene: Scene, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the attacker is told to be 40 and 2, over the connections that he has won."""
    use_for_rpc(relay.won, monkeypatch)
    with over_http(scene.lab.url, "localhost", 6001, user="nobody", password="none") as association:
        association.bind(uuidtup_to_bin(DEMO))
        association.call(ADD, struct.pack("<ii", 40, 2))
        return int(struct.unpack("<i", association.recv())[0])

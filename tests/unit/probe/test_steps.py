"""Which steps a ladder has, and on what each stands."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.interface import interface_of
from rpch.probe.ladder import Step
from rpch.probe.rpcsteps import RpcSteps
from rpch.probe.steps import ChoiceSteps, ping, rpc_steps, way_steps
from rpch.probe.target import ping_target
from rpch.server.demo import Demo
from tests.e2e.ping_laboratory import ALICE, Laboratory, answering, failure, laboratory, outcomes, serving

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
DEMO = interface_of(Demo).syntax
RECYCLED = {"recycle_in": "call", "recycle_out": "recycle_in"}


@pytest.fixture
async def lab() -> AsyncIterator[Laboratory]:
    async with laboratory() as running:
        yield running


def grounds(steps: list[Step]) -> dict[str, str]:
    return {step.name: " ".join(step.needs) for step in steps}


def upper(binding: str, **how: Any) -> list[Step]:
    target = ping_target(StringBinding.parse(binding), **how)
    return rpc_steps(target, RpcSteps(target, asyncio.get_running_loop().create_task))


@pytest.mark.parametrize(
    ("binding", "tls", "found"),
    [
        (
            "ncacn_http:server[RpcProxy=proxy]",
            TLS,
            {"dns": "", "tcp": "dns", "tls": "tcp", "schemes": "tls", "echo_in": "tls", "echo_out": "tls"},
        ),
        (
            "ncacn_http:server[RpcProxy=proxy]",
            None,
            {"dns": "", "tcp": "dns", "schemes": "tcp", "echo_in": "tcp", "echo_out": "tcp"},
        ),
        ("ncacn_ip_tcp:server", None, {"dns": "", "tcp": "dns"}),
    ],
)
def test_the_way_depends_on_what_lies_on_it(
    binding: str, tls: ssl.SSLContext | None, found: dict[str, str]
) -> None:
    assert grounds(way_steps(ping_target(StringBinding.parse(binding), tls=tls))) == found


@pytest.mark.parametrize(
    ("binding", "how", "found"),
    [
        ("ncacn_http:s[RpcProxy=p]", {}, {"mapper": "tcp", "bind": "mapper", "call": "bind", **RECYCLED}),
        (
            "ncacn_http:s[593,RpcProxy=p]",
            {"tls": TLS},
            {"mapper": "tls", "bind": "mapper", "call": "bind", **RECYCLED},
        ),
        (
            "ncacn_http:s[6001,RpcProxy=p]",
            {"tls": TLS},
            {"mapper": "tls", "port": "tls", "bind": "port", "call": "bind", **RECYCLED},
        ),
        (
            "ncacn_http:s[RpcProxy=p]",
            {"interface": DEMO},
            {"mapper": "tcp", "port": "mapper", "bind": "port", "call": "bind", **RECYCLED},
        ),
        ("ncacn_ip_tcp:s", {}, {"mapper": "tcp", "bind": "mapper", "call": "bind"}),
        ("ncacn_ip_tcp:s[135]", {}, {"bind": "tcp", "call": "bind"}),
        ("ncacn_ip_tcp:s[1024]", {}, {"bind": "tcp", "call": "bind"}),
        (
            "ncacn_ip_tcp:s",
            {"interface": DEMO},
            {"mapper": "tcp", "port": "mapper", "bind": "port", "call": "bind"},
        ),
    ],
)
async def test_the_top_depends_on_who_knows_the_port(
    binding: str, how: dict[str, Any], found: dict[str, str]
) -> None:
    assert grounds(upper(binding, **how)) == found


@pytest.mark.parametrize(
    ("binding", "needed"),
    [("ncacn_http:s[6001]", False), ("ncacn_http:s[593]", True), ("ncacn_http:s", True)],
)
async def test_the_mapper_is_needed_where_nobody_else_knows_the_port(binding: str, needed: bool) -> None:
    assert upper(binding)[0].needed is needed


def test_titles_name_the_ports() -> None:
    async def titles() -> list[str]:
        return [step.title for step in upper("ncacn_http:s[6001]")]

    assert asyncio.run(titles()) == [
        "593, endpoint mapper",
        "port 6001",
        "bind",
        "call",
        "recycle IN",
        "recycle OUT",
    ]


async def test_the_whole_ladder_is_climbed_and_watched(lab: Laboratory) -> None:
    heard: list[str] = []
    binding = StringBinding.parse(f"ncacn_http:localhost[6001,RpcProxy=localhost:{lab.plain}]")
    report = await ping(ping_target(binding, credentials=ALICE), lambda step: heard.append(step.name))
    assert report.ok
    assert report.target == str(binding)
    assert heard == list(outcomes(report))
    assert not any(step.needed for step in upper(str(binding)) if step.name.startswith("recycle"))


async def test_explanations_name_the_port_that_is_meant(lab: Laboratory) -> None:
    async with laboratory(valid_ports="localhost:7001") as closed:
        binding = StringBinding.parse(f"ncacn_http:localhost[593,RpcProxy=localhost:{closed.plain}]")
        failed = failure(await ping(ping_target(binding, credentials=ALICE)))
    assert failed.explanation is not None
    assert "localhost:593" in failed.explanation.cause


# An HTTP proxy that is named, but need not be used


def test_only_where_there_is_a_choice_there_is_a_step_for_it() -> None:
    insisted = "ncacn_http:s[RpcProxy=p,HttpProxy=q:3128,HttpConnectionOption=UseHttpProxy]"
    for binding in ("ncacn_ip_tcp:s", "ncacn_http:s[RpcProxy=p]", insisted):
        choice = ChoiceSteps(ping_target(StringBinding.parse(binding)))
        assert choice.steps == []


async def test_the_direct_way_is_taken_where_it_answers(lab: Laboratory) -> None:
    async with serving(answering(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")) as port:
        binding = f"ncacn_http:localhost[6001,RpcProxy=localhost:{lab.plain},HttpProxy=localhost:{port}]"
        report = await ping(ping_target(StringBinding.parse(binding), credentials=ALICE))
    assert report.ok
    assert report.results[0].step.name == "http_proxy"
    assert "is not needed" in report.results[0].detail


async def test_where_neither_answers_the_direct_way_shows_why() -> None:
    binding = "ncacn_http:localhost[RpcProxy=localhost:1,HttpProxy=localhost:2]"
    report = await ping(ping_target(StringBinding.parse(binding), credentials=ALICE, timeout=2))
    assert not report.ok
    first, dns, tcp, *_ = report.results
    assert [first.outcome, dns.outcome, tcp.outcome] == ["failed", "ok", "failed"]
    assert first.explanation is not None
    assert "neither directly nor" in first.explanation.cause

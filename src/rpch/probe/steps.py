"""The ladder behind `rpch ping`, put together for one target.

    dns tcp tls schemes echo_in echo_out mapper port bind call     ncacn_http
    dns tcp                              mapper port bind call     ncacn_ip_tcp

Without TLS there is no step for it; without a proxy none for HTTP; the mapper of a plain TCP server is asked
only for a port that the binding does not name. Where the binding names an HTTP proxy but does not insist on
it, `http_proxy` finds out first whether one is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from rpch.aio.tracing import tracer_from_environment
from rpch.client.detection import find_way
from rpch.errors import RpchError
from rpch.probe.explanations import explain
from rpch.probe.ladder import Explain, Explanation, Report, Step, climb
from rpch.probe.recyclesteps import RecycleSteps
from rpch.probe.rpcsteps import RpcSteps
from rpch.probe.situation import Situation
from rpch.probe.target import PingTarget
from rpch.probe.waysteps import NetworkSteps, ProxySteps


async def ping(target: PingTarget, started: Callable[[Step], None] = lambda step: None) -> Report:
    """Climb the whole ladder to a target; `started` hears of each step that is tried."""
    choice = ChoiceSteps(target)
    first = await climb(choice.steps, _explained(target, lambda: target.first_port), perf_counter, started)
    chosen = choice.target
    async with asyncio.TaskGroup() as tasks:
        rpc = RpcSteps(chosen, tasks.create_task, tracer_from_environment())
        steps = [*way_steps(chosen), *([] if chosen.echo_only else rpc_steps(chosen, rpc))]
        explained = _explained(chosen, lambda: rpc.wanted_port, lambda: rpc.anything_open)
        try:
            results = await climb(steps, explained, perf_counter, started)
        finally:
            await rpc.close()
    return Report(str(target.binding), (*first, *results))


def _explained(
    target: PingTarget, port: Callable[[], int], channels_pass: Callable[[], bool] = lambda: False
) -> Explain:
    """Explanations for this target, with what is known by then."""

    def explained(step: str, error: RpchError) -> Explanation:
        meant = target.mapper_port if step == "mapper" else port()
        return explain(step, error, Situation.of(target, meant, channels_pass=channels_pass()))

    return explained


class ChoiceSteps:
    """Whether an HTTP proxy is used, where the binding names one that need not be.  MS-RPCH 3.2.2.4.1.1

    Where neither way answers, the direct one is climbed, to see why.
    """

    def __init__(self, target: PingTarget) -> None:
        self.target = target
        self.steps: list[Step] = []
        access = target.access
        if access is not None and access.http_proxy is not None and access.http_proxy_optional:
            self._access = access
            self.target = replace(target, access=replace(access, http_proxy=None, http_proxy_optional=False))
            self.steps = [Step("http_proxy", "HTTP proxy", self.choose, needed=False)]

    async def choose(self) -> str:
        """Ask both ways, and go on with the one that answers."""
        found = await find_way(self._access, self.target.rpc_target(self.target.first_port))
        self.target = replace(self.target, access=found.access)
        return found.reason


def way_steps(target: PingTarget) -> list[Step]:
    """The steps to the RPC proxy, or to the server where there is none."""
    network, access = NetworkSteps(target), target.access
    steps = [Step("dns", "DNS", network.dns), Step("tcp", "TCP", network.tcp, ("dns",))]
    if access is None:
        return steps
    proxy = ProxySteps(target, access, network)
    if access.tls is not None:
        steps.append(Step("tls", "TLS and names", proxy.tls, ("tcp",)))
    ground = (steps[-1].name,)
    return [
        *steps,
        Step("schemes", "HTTP schemes", proxy.schemes, ground),
        Step("echo_in", "echo IN", proxy.echo_in, ground),
        Step("echo_out", "echo OUT", proxy.echo_out, ground),
    ]


def rpc_steps(target: PingTarget, rpc: RpcSteps) -> list[Step]:
    """The steps to the RPC server."""
    ground = ("tcp",) if target.access is None or target.access.tls is None else ("tls",)
    steps: list[Step] = []
    if target.access is not None or target.binding.port is None:
        # Who knows the port can do without the mapper.
        needed = target.binding.port is None or target.wants_mapper
        title = f"{target.mapper_port}, endpoint mapper"
        steps.append(Step("mapper", title, rpc.mapper, ground, needed))
    if target.wants_mapper and steps:
        ground = ("mapper",)
    elif target.access is not None or target.port is None:
        title = "the port" if target.port is None else f"port {target.port}"
        steps.append(Step("port", title, rpc.port, ("mapper",) if target.port is None else ground))
        ground = ("port",)
    steps += [Step("bind", "bind", rpc.bind, ground), Step("call", "call", rpc.call, ("bind",))]
    if target.access is None:
        return steps
    # Short connections can do without.
    recycling = RecycleSteps(target, rpc)
    return [
        *steps,
        Step("recycle_in", "recycle IN", recycling.recycle_in, ("call",), needed=False),
        Step("recycle_out", "recycle OUT", recycling.recycle_out, ("recycle_in",), needed=False),
    ]

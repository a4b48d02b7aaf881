"""Finding out whether an HTTP proxy is needed, by asking both ways.  MS-RPCH 3.2.2.4.1.1

The rule itself is `rpch.http.proxy_use`; this asks the questions.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from rpch.client.access import ProxyAccess
from rpch.client.channel import ask_echo
from rpch.client.heads import FinalOutcome
from rpch.client.tunnels import HttpProxy
from rpch.errors import RpchError, TransportError
from rpch.http.channels import RpcMethod
from rpch.http.outcomes import Failed
from rpch.http.proxy_use import (
    Action,
    DirectAnswered,
    DirectFailed,
    Event,
    ProxyAnswered,
    ProxyFailed,
    ProxyUse,
    Tick,
    Unreachable,
    UseDirect,
)
from rpch.http.targets import RpcTarget

# What an HTTP proxy says about itself, when it cannot or will not reach the RPC proxy.
_RELAYS_OWN: Final = frozenset({403, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Detected:
    """The way that was chosen, and why."""

    access: ProxyAccess
    reason: str


async def find_way(access: ProxyAccess, target: RpcTarget) -> Detected:
    """Choose between the direct way and the one through the HTTP proxy, if both are open to choice."""
    proxy = access.http_proxy
    if proxy is None or not access.http_proxy_optional:
        return Detected(access, "")
    question = _Question(access, proxy, target)
    match await question.ask():
        case UseDirect():
            direct = replace(access, http_proxy=None, http_proxy_optional=False)
            return Detected(direct, f"the HTTP proxy {proxy} is not needed: {access} answers directly")
        case Unreachable():
            direct_said, proxy_said = question.why
            raise TransportError(
                f"{access} answers neither directly ({direct_said}) nor through the HTTP"
                f" proxy {proxy} ({proxy_said})"
            )
        case _:
            why = f"the HTTP proxy {proxy} is needed: directly, {question.why[0]}"
            return Detected(replace(access, http_proxy_optional=False), why)


class _Question:
    """One determination under way."""

    def __init__(self, access: ProxyAccess, proxy: HttpProxy, target: RpcTarget) -> None:
        self._through, self._target = replace(access, http_proxy_optional=False), target
        self._direct = replace(self._through, http_proxy=None)
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.why = ["no answer", "no answer"]  # directly, and through the proxy

    async def ask(self) -> Action:
        """Ask both ways, until the rule decides."""
        loop = asyncio.get_running_loop()
        machine = ProxyUse(now=loop.time(), timeout=self._through.timeout)
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._ask_directly()), group.create_task(self._ask_through())]
            actions: list[Action] = []
            while not actions:
                try:
                    async with asyncio.timeout_at(machine.deadline):
                        event = await self._events.get()
                except TimeoutError:
                    event = Tick()
                actions = machine.handle(event, loop.time())
            for task in asking:
                task.cancel()
        return actions[0]

    async def _ask_directly(self) -> None:
        try:
            await ask_echo(self._direct, self._target, RpcMethod.IN)
        except RpchError as error:
            self.why[0] = str(error)
            self._events.put_nowait(DirectFailed())
        else:
            self._events.put_nowait(DirectAnswered())

    async def _ask_through(self) -> None:
        try:
            outcome, _ = await ask_echo(self._through, self._target, RpcMethod.IN)
        except RpchError as error:
            self.why[1] = str(error)
            self._events.put_nowait(ProxyFailed())
        else:
            failed = self._proxys_own(outcome)
            self.why[1] = failed or self.why[1]
            self._events.put_nowait(ProxyFailed() if failed else ProxyAnswered())

    def _proxys_own(self, outcome: FinalOutcome) -> str:
        """What the HTTP proxy said itself; empty when it was the RPC proxy who spoke."""
        if not self._through.through_proxy:
            return ""  # in a tunnel nobody else can
        if isinstance(outcome, Failed) and outcome.head.status in _RELAYS_OWN and outcome.rpc_error is None:
            return str(outcome.as_error())
        return ""

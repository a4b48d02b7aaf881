"""The last steps: whether channels can be replaced while a virtual connection lives on.  MS-RPCH 3.2.1.5.3.3

A channel carries as many bytes as its Content-Length says, and then a successor must take over. That is
needed after a day or after a month, and shows only then whether proxies, relays and the server can do it.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Final

from rpch.client.carriers import NotRenewed
from rpch.probe.ladder import NotTried
from rpch.probe.rpcsteps import RpcSteps
from rpch.probe.target import PingTarget

USED_UP: Final = 256 * 1024  # bytes of an OUT channel that a few thousand calls may use up
USED_UP_WITHIN: Final = 30.0  # seconds


class RecycleSteps:
    """Both channels of the connection on which the calls were made."""

    def __init__(self, target: PingTarget, rpc: RpcSteps) -> None:
        self._target, self._rpc = target, rpc

    async def recycle_in(self) -> str:
        """Replace the IN channel, which a client may do at any time, and call on the new one."""
        begun = perf_counter()
        await self._rpc.carrier.renew_in(self._target.timeout)
        took = 1000 * (perf_counter() - begun)
        call = await self._rpc.one_call()
        return f"a successor took over in {took:.1f} ms; a call on it took {call:.1f} ms"

    async def recycle_out(self) -> str:
        """Use up an OUT channel, since only the server may replace it, and does when it is nearly full."""
        carrier = self._rpc.carrier
        left = carrier.out_left
        if left is None or left > USED_UP:
            much = "an unknown number of bytes" if left is None else f"{left:,} bytes"
            raise NotTried(
                f"only the server begins that, when the channel is nearly full: it may carry {much} more, too"
                f" many to use up. A proxy of ours with --channel-lifetime 131072 lets it be tried"
            )
        before, calls = carrier.out_channel, 0
        try:
            async with asyncio.timeout(USED_UP_WITHIN):
                while carrier.out_channel is before:
                    await self._rpc.one_call()
                    calls += 1
        except TimeoutError:
            raise NotRenewed(seconds=USED_UP_WITHIN, state=f"{carrier.out_left} bytes left") from None
        call = await self._rpc.one_call()
        return f"after {calls:,} calls a successor took over; a call on it took {call:.1f} ms"

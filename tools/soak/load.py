"""What is carried: bytes that no two places have alike, both ways, and the digests of both ends."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable

from rpch.client.client import RpcClient
from rpch.dcerpc.interface import Call, interface, operation
from rpch.server.demo import Count, Octets

BLOCK = 256 * 1024
POOL = 1 << 20
TO_SERVER, TO_CLIENT = 1, 2  # seeds


class Pattern:
    """An endless stream of bytes, cheap to make: pieces of a random pool, each with its number in front."""

    def __init__(self, seed: int) -> None:
        pool = random.Random(seed).randbytes(POOL)  # noqa: S311 - nothing here is secret
        self._pool = pool + pool
        self._number = 0
        self._digest = hashlib.sha256()

    def block(self, size: int) -> bytes:
        """The next bytes."""
        self._number += 1
        start = self._number * 104_729 % POOL
        found = self._number.to_bytes(8, "little") + self._pool[start : start + size - 8]
        self._digest.update(found)
        return found

    def digest(self) -> bytes:
        """That of all blocks so far."""
        return self._digest.digest()


@interface("5d3b21c4-9a1f-4b0e-8f0a-6c1d6f0c5a11", version=(1, 0))
class Soak:
    """Takes bytes and gives bytes, and knows the digests of both."""

    def __init__(self) -> None:
        self._given = Pattern(TO_CLIENT)
        self._taken = hashlib.sha256()

    @operation(0)
    def take(self, call: Call, request: Octets) -> Count:
        """Bytes from the client."""
        self._taken.update(request.data)
        return Count(len(request.data))

    @operation(1)
    def give(self, call: Call, request: Count) -> Octets:
        """Bytes for the client."""
        return Octets(self._given.block(request.count))

    @operation(2)
    def digests(self, call: Call, request: Count) -> Octets:
        """Of what was taken, and of what was given."""
        return Octets(self._taken.digest() + self._given.digest())


class Ends:
    """The client's end of the load."""

    def __init__(self, size: int, wanted: Callable[[], bool]) -> None:
        """At least `size` bytes each way, and more as long as they are `wanted`."""
        self._size, self._wanted = size, wanted
        self._pattern, self._digest = Pattern(TO_SERVER), hashlib.sha256()
        self.sent = self.received = 0

    @property
    def done(self) -> bool:
        """Whether enough has gone both ways."""
        return min(self.sent, self.received) >= self._size

    async def run(self, client: RpcClient) -> None:
        """Both directions at once, one call at a time in each. Neither ends before the other."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._send(client))
            both.create_task(self._receive(client))

    async def equal(self, client: RpcClient) -> bool:
        """Whether both ends saw the same bytes, each way."""
        told = (await client.call(Soak.digests, Count(0))).data
        return told == self._pattern.digest() + self._digest.digest()

    async def _send(self, client: RpcClient) -> None:
        while not self.done or self._wanted():
            answer = await client.call(Soak.take, Octets(self._pattern.block(BLOCK)))
            self.sent += answer.count

    async def _receive(self, client: RpcClient) -> None:
        while not self.done or self._wanted():
            found = (await client.call(Soak.give, Count(BLOCK))).data
            self._digest.update(found)
            self.received += len(found)

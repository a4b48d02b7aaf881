"""What a fuzz target is, and the ways in which several of them feed what they test."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rpch.errors import ConfigError, RemoteProtocolError

TOLERATED: Final = (RemoteProtocolError, ConfigError)


@dataclass(frozen=True)
class Target:
    """One thing to fuzz: what takes the bytes, and well-formed bytes to begin from.

    Only what is `tolerated` may come out of it; anything else is a defect.
    """

    name: str
    feed: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    tolerated: tuple[type[Exception], ...] = TOLERATED

    def run(self, data: bytes) -> None:
        """Feed it; whatever is no fault of the peer's comes out."""
        try:
            self.feed(data)
        except self.tolerated:
            return


def each(decoders: Iterable[Callable[[bytes], object]]) -> Callable[[bytes], None]:
    """Feeds every one of several decoders, whatever the others made of it."""
    every = tuple(decoders)

    def feed(data: bytes) -> None:
        for decode in every:
            try:
                decode(data)
            except TOLERATED:
                continue

    return feed


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to that waits for nothing; without a loop, which would cost most of the time."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    work.close()
    raise AssertionError("something was waited for")


def parts(data: bytes) -> Iterator[bytes]:
    """Fuzzed bytes as several messages, each behind its size of two bytes; the last one may be cut short."""
    at = 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


def joined(*messages: bytes) -> bytes:
    """What `parts` takes apart."""
    return b"".join(len(message).to_bytes(2, "little") + message for message in messages)

"""What kind of simulated world it is to be: drawn from a seed, or chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from rpch.vconn.settings import LIFETIME_MINIMUM, ClientSettings, ProxySettings, Settings

WINDOWS = (8192, 16_384, 65_536, 65_536)


@dataclass(frozen=True)
class Plan:
    """How many parties there are, what they announce and how they behave."""

    seed: int
    nodes: int = 2
    clients: int = 1
    pdus: int = 100  # from the client
    answers: int | None = None  # from the server; as many, if not said
    largest: int = 5840
    slowest: float = 0.1  # seconds, one way
    client: ClientSettings = field(default_factory=ClientSettings)
    proxy: ProxySettings = field(default_factory=ProxySettings)
    server: Settings = field(default_factory=Settings)
    server_consumes_slowly: bool = False
    hears_on: bool = False  # what came in one read with the reason to close is still heard
    answers_at_once: bool = False  # an end speaks while it is being handed something
    naps: bool = False  # long pauses, in which only pings pass

    @classmethod
    def drawn(cls, seed: int, *, pdus: int = 300) -> Plan:
        """One of the worlds that are possible, with the shortest lifetimes."""
        random = Random(seed)  # noqa: S311 - a simulation has to be repeatable
        strict = random.random() < 0.5
        client, proxy, server = (random.choice(WINDOWS) for _ in range(3))
        return cls(
            seed=seed,
            nodes=random.randint(1, 5),
            clients=random.choice((1, 1, 1, 2)),
            pdus=pdus,
            slowest=random.choice((0.001, 0.02, 0.3)),
            client=ClientSettings(receive_window=client, channel_lifetime=LIFETIME_MINIMUM, strict=strict),
            proxy=ProxySettings(receive_window=proxy, channel_lifetime=LIFETIME_MINIMUM, strict=strict),
            server=Settings(receive_window=server, channel_lifetime=LIFETIME_MINIMUM, strict=strict),
            server_consumes_slowly=random.random() < 0.4,
            hears_on=random.random() < 0.5,
            naps=random.random() < 0.1,
            answers_at_once=random.random() < 0.5,
        )

"""Who we are to a proxy, and by which scheme we say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rpch.auth.schemes import Scheme, parse_schemes
from rpch.errors import ConfigError

AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to a proxy. Without a `scheme` the strongest one that the proxy offers is taken."""

    user: str
    password: str = field(repr=False)
    scheme: Scheme | None = None

    def __post_init__(self) -> None:
        if ":" in self.user:
            raise ConfigError("user", "a name with a colon cannot be sent")


@dataclass(slots=True)
class Learned:
    """What a party was found to want. Every connection to it begins with that."""

    asked: bool = False
    scheme: Scheme | None = None  # None also when it wants nothing


@dataclass(frozen=True)
class Party:
    """Somebody on the way who may want to know who we are. `name` is for messages, `host` for the proof."""

    name: str
    host: str
    credentials: Credentials | None = None
    learned: Learned = field(default_factory=Learned, repr=False, compare=False)


def read_scheme(text: str, *, setting: str = "scheme") -> Scheme | None:
    """A scheme by its name in any case; None for `auto`."""
    if text.lower() == AUTO:
        return None
    try:
        return parse_schemes([text])[0]
    except KeyError:
        known = ", ".join(Scheme)
        raise ConfigError(setting, f"{text!r} is no scheme; known are {known} and {AUTO}") from None

"""Tickets of Kerberos, accepted with the keys of a keytab by the system's GSS-API.  RFC 4121

The library is the extra `kerberos`. It blocks on files, so its calls belong on a thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.gss_session import GssSession
from rpch.auth.security import SessionSecurity
from rpch.errors import ConfigError

_NO_REPLAY_CACHE: Final = "none:"


class TicketRefused(Exception):
    """A ticket is not accepted: what the library said about it, which is for the log."""

    def __init__(self, detail: str, *, bound_elsewhere: bool = False, no_keys: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.bound_elsewhere, self.no_keys = detail, bound_elsewhere, no_keys


@dataclass(frozen=True, slots=True)
class TicketProof:
    """What a ticket proved: who has it, for which service, and how the exchange went."""

    client: str
    service: str
    session: SessionSecurity = field(repr=False)
    bound: bool = False
    dce_style: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one leg came to: a token for the client, and the proof once there is one."""

    token: bytes | None = field(default=None, repr=False)
    proof: TicketProof | None = None


class TicketExchange(Protocol):
    """One exchange of tickets."""

    def step(self, token: bytes) -> Answer:
        """Take the next token; `TicketRefused` ends the exchange."""


class Tickets(Protocol):
    """Where exchanges begin: a keytab, or what stands for one in a test."""

    def begin(self, binding: ChannelBinding | None, *, seals: bool, remember: bool) -> TicketExchange:
        """A new exchange, for a client that saw the certificate of `binding`.

        `seals` says what the session's signatures are for. Who tries the same token once more, with another
        binding, says that it is not to be taken for a replay: `remember` is off.
        """


@dataclass(frozen=True, slots=True)
class Keytab:
    """The keys of our services. With a `principal` its key alone is used, else any of them."""

    file: Path
    principal: str = ""

    def check(self) -> None:
        """Look whether it can be used at all; `ConfigError` says what is wrong."""
        gssapi = library()
        if not os.access(self.file, os.R_OK):
            raise ConfigError("keytab", f"{self.file} cannot be read; give it to the user that serves")
        try:
            self._credentials(gssapi, remember=True)
        except gssapi.raw.GSSError as error:
            name = f" for {self.principal}" if self.principal else ""
            raise ConfigError("keytab", f"{self.file} has no key{name} ({error})") from error

    def begin(self, binding: ChannelBinding | None, *, seals: bool, remember: bool) -> TicketExchange:
        """A new exchange. The file is read by each, so keys may be added while we serve."""
        gssapi = library()
        try:
            credentials = self._credentials(gssapi, remember=remember)
        except gssapi.raw.GSSError as error:
            raise TicketRefused(str(error), no_keys=True) from error
        return _Exchange(gssapi, credentials, binding, seals=seals)

    def _credentials(self, gssapi: ModuleType, *, remember: bool) -> Any:
        store = {b"keytab": b"FILE:" + os.fsencode(self.file)}
        if not remember:
            store[b"rcache"] = _NO_REPLAY_CACHE.encode()
        name = None
        if self.principal:
            name = gssapi.raw.import_name(self.principal.encode(), gssapi.NameType.kerberos_principal)
        mechanisms = [gssapi.MechType.kerberos]
        return gssapi.raw.acquire_cred_from(store, name, mechs=mechanisms, usage="accept").creds


class _Exchange:
    """One exchange over the library's own calls, which raise where its objects would keep quiet."""

    def __init__(
        self, gssapi: ModuleType, credentials: Any, binding: ChannelBinding | None, *, seals: bool
    ) -> None:
        self._gssapi, self._credentials, self._seals = gssapi, credentials, seals
        self._bindings = None
        if binding is not None:
            self._bindings = gssapi.raw.ChannelBindings(application_data=binding.application_data)
        self._context: Any = None

    def step(self, token: bytes) -> Answer:
        """Take the next token.  RFC 2743 2.2.2"""
        raw = self._gssapi.raw
        try:
            result = raw.accept_sec_context(token, self._credentials, self._context, self._bindings)
            self._context = result.context
            if result.more_steps:
                return Answer(result.token)
            return Answer(result.token or None, self._proof(result))
        except raw.BadChannelBindingsError as error:
            raise TicketRefused(str(error), bound_elsewhere=True) from error
        except raw.GSSError as error:
            raise TicketRefused(str(error)) from error

    def _proof(self, result: Any) -> TicketProof:
        raw, flags = self._gssapi.raw, self._gssapi.RequirementFlag
        if result.mech != self._gssapi.MechType.kerberos:
            raise TicketRefused("a token of another mechanism")
        service = raw.inquire_context(self._context).target_name
        return TicketProof(
            client=raw.display_name(result.initiator_name, False).name.decode("utf-8", "replace"),
            service=raw.display_name(service, False).name.decode("utf-8", "replace"),
            session=GssSession(raw, self._context, int(result.flags), seals=self._seals),
            bound=flags.channel_bound in result.flags,
            dce_style=flags.dce_style in result.flags,
        )


def library() -> ModuleType:
    """The extra's library; `ConfigError` says how to get it."""
    try:
        import gssapi
    except (ImportError, OSError) as error:  # it raises the second when the system has no GSS-API
        problem = "needs the extra 'kerberos'; install rpch[kerberos] and the system's Kerberos libraries"
        raise ConfigError("keytab", problem) from error
    module: ModuleType = gssapi
    if not hasattr(module.RequirementFlag, "channel_bound"):
        raise ConfigError("keytab", "this gssapi cannot tell channel bindings; use version 1.8 or newer")
    return module

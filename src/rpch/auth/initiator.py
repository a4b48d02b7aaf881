"""The side that proves who it is: tokens for HTTP's `Authorization` and for RPC's security trailers.

One object serves one connection. Negotiate and NTLM prove the connection; Basic goes with every request. The
tokens of Negotiate, NTLM and Kerberos are pyspnego's; Kerberos needs the system's libraries besides.
"""

from __future__ import annotations

import base64
import logging
import struct
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Final

import spnego
from spnego import Password
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import FeatureMissingError, SpnegoError

from rpch.auth.basic import BasicCredentials
from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.kept_tickets import KeptTickets
from rpch.auth.ntlm.proof import nt_hash
from rpch.auth.realms import Realms
from rpch.auth.schemes import CONNECTION_BOUND, Scheme, parse_schemes, with_token
from rpch.auth.tickets import Source, library_errors, source_for, source_if_any
from rpch.errors import AuthenticationFailed, LocalProtocolError

Offer = tuple[str, str | None]  # a scheme, and its token in base64 if there is one

# Below that it writes whole tokens, which are enough to guess passwords from.
logging.getLogger("spnego").setLevel(logging.INFO)

_ANY: Final = tuple(Scheme)


class Package(StrEnum):
    """What makes the tokens. HTTP knows the first two as schemes; RPC knows all three."""

    NEGOTIATE = "Negotiate"
    NTLM = "NTLM"
    KERBEROS = "Kerberos"


_OPTIONS: Final[Mapping[Package, spnego.NegotiateOptions]] = {
    Package.NEGOTIATE: spnego.NegotiateOptions.use_negotiate,
    Package.NTLM: spnego.NegotiateOptions.use_ntlm,
    Package.KERBEROS: spnego.NegotiateOptions.use_gssapi,
}
# A server with our ticket proves itself too. The library drops tokens of Kerberos where it need not.
_BOTH_SIDES: Final = spnego.ContextReq.mutual_auth
# All that a library raises over tokens it cannot read.
_UNREADABLE: Final[tuple[type[Exception], ...]] = (
    SpnegoError,
    FeatureMissingError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,  # a time beyond all calendars
    struct.error,
)


def choose_scheme(
    offered: Iterable[str],
    *,
    secure: bool,
    allowed: Collection[Scheme] = _ANY,
    without_tls: Collection[Scheme] = (),
) -> Scheme:
    """The strongest scheme that a server offers and we allow; no password leaves us in the clear unasked."""
    names = list(offered)
    known = [name for name in names if name.lower() in {scheme.lower() for scheme in Scheme}]
    for scheme in parse_schemes(known):
        if scheme in allowed and (secure or scheme is not Scheme.BASIC or scheme in without_tls):
            return scheme
    listed = ", ".join(names) or "nothing"
    permitted = ", ".join(scheme for scheme in Scheme if scheme in allowed)
    where = "" if secure else " on a connection without TLS"
    raise AuthenticationFailed(f"the server offers {listed}; we allow {permitted}{where}")


class TokenInitiator:
    """One exchange of Negotiate, NTLM or Kerberos: tokens in, tokens out.

    Without a password Kerberos and Negotiate take a ticket of `user`, or, without a user, of whoever has
    signed in on this machine.
    """

    def __init__(
        self,
        package: Package,
        user: str,
        password: str,
        *,
        host: str,
        service: str = "HTTP",
        binding: ChannelBinding | None = None,
        requirements: spnego.ContextReq = spnego.ContextReq.integrity,
        realms: Realms | None = None,
        kept: KeptTickets | None = None,
    ) -> None:
        """`host` and `service` are what we want to reach; they go into the proof.

        `realms` are those of Kerberos that are known; by itself, what the settings of this machine say.
        `kept` are the tickets that this password gave before, if they are to be used again.
        """
        self.package = package
        self._user, self._password, self._host, self._service = user, password, host, service
        self._binding, self._requirements, self._realms = binding, requirements, realms
        self._kept = kept
        self._context: spnego.ContextProxy | None = None

    def __repr__(self) -> str:
        return f"TokenInitiator({self.package})"

    @property
    def may_block(self) -> bool:
        """Whether a step may wait for files or for a KDC, and so belongs on a thread."""
        return self.package is not Package.NTLM

    @property
    def complete(self) -> bool:
        """Whether nothing more is due from us, and the server has proven itself where it must."""
        return self._context is not None and self._context.complete

    @property
    def context(self) -> spnego.ContextProxy:
        """The library's side of a complete exchange."""
        if self._context is None or not self._context.complete:
            raise LocalProtocolError("the exchange is not complete")
        return self._context

    def step(self, token: bytes | None = None) -> bytes | None:
        """The next token for the server, if there is one; `AuthenticationFailed` for what cannot go on.

        The first step may raise `ConfigError` too: Kerberos is wanted, and its extra is missing.
        """
        if self._context is None:
            self._context = self._begin()
        try:
            return self._context.step(token)
        except _UNREADABLE as error:
            raise AuthenticationFailed(f"{self.package} failed: {_sentence(error)}") from error

    def _begin(self) -> spnego.ContextProxy:
        """The library asks a KDC for tickets as early as here."""
        try:
            return spnego.client(
                self._credentials(),
                hostname=self._host,
                service=self._service,
                channel_bindings=_gss(self._binding),
                context_req=self._requirements | _BOTH_SIDES,
                protocol=self.package.lower(),
                options=_OPTIONS[self.package],
            )
        except library_errors() as error:
            told = f"no ticket for this user and password ({_sentence(error)})"
            raise AuthenticationFailed(f"{self.package}: {told}") from error
        except _UNREADABLE as error:
            raise AuthenticationFailed(f"{self.package} cannot be used here: {_sentence(error)}") from error

    def _credentials(self) -> list[spnego.Credential]:
        """What each mechanism may use. Kerberos is left out of Negotiate where it is not set up."""
        user, password = self._user, self._password
        ntlm = [spnego.NTLMHash(user, nt_hash=nt_hash(password).hex())] if user else []
        if self.package is Package.NTLM:
            return [*ntlm]
        realms = self._realms or Realms.of_machine()
        if self.package is Package.KERBEROS:
            return [self._source(source_for(user, password, realms))]
        kerberos = source_if_any(user, password, realms)
        if kerberos is not None:
            # No KDC, or none that knows the user: that is for Negotiate to find out
            with suppress(*library_errors()):
                kerberos = self._source(kerberos)
        if not ntlm and kerberos is None:
            raise AuthenticationFailed("Negotiate: there is neither a user nor a ticket; sign in with kinit")
        return [*ntlm, *([kerberos] if kerberos else [])]

    def _source(self, source: Source) -> Source:
        """Tickets that are kept, in the place of the password that gave them."""
        if self._kept is None or not isinstance(source, Password):
            return source
        return self._kept.source(source)


class HttpInitiator:
    """Credentials for the requests of one connection."""

    def __init__(
        self,
        scheme: Scheme,
        user: str,
        password: str,
        *,
        host: str,
        binding: ChannelBinding | None = None,
    ) -> None:
        self.scheme = scheme
        self._basic = BasicCredentials(user, password).encode() if scheme is Scheme.BASIC else None
        self._tokens = (
            TokenInitiator(Package(scheme), user, password, host=host, binding=binding)
            if scheme in CONNECTION_BOUND
            else None
        )
        self._begun = False

    def __repr__(self) -> str:
        return f"HttpInitiator({self.scheme})"

    @property
    def connection_bound(self) -> bool:
        """Whether later requests of the connection need no credentials.  RFC 4559 6"""
        return self._tokens is not None

    @property
    def may_block(self) -> bool:
        """Whether what makes tokens may wait, and so belongs on a thread."""
        return self._tokens is not None and self._tokens.may_block

    def begin(self) -> str:
        """The `Authorization` of the first request; for Basic, of every request."""
        if self._tokens is None:
            return self._basic or ""
        if self._begun:
            raise LocalProtocolError("an exchange begins once; use another object for another connection")
        self._begun = True
        return with_token(self.scheme, self._tokens.step() or b"")

    def answer(self, offers: Iterable[Offer]) -> str:
        """The `Authorization` of the next request, after a 401 with these offers.

        `AuthenticationFailed` when the 401 says no: to Basic always, to the others when it holds no token.
        """
        token = self._token_in(offers) if self._tokens else None
        if self._tokens is None or token is None or self._tokens.complete:
            raise AuthenticationFailed(f"the server refused the credentials, by {self.scheme}")
        answer = self._tokens.step(token)
        if answer is None:
            raise AuthenticationFailed(f"the server wants more of {self.scheme} than there is")
        return with_token(self.scheme, answer)

    def finish(self, offers: Iterable[Offer] = ()) -> None:
        """Check the last token of the server, which comes with the answer that lets us in, if one comes.

        An IN channel has no such answer, and NTLM no such token: then the server's proof is left out.
        """
        if self._tokens is None or self._tokens.complete:
            return
        token = self._token_in(offers)
        if token is not None:
            self._tokens.step(token)

    def _token_in(self, offers: Iterable[Offer]) -> bytes | None:
        for name, token in offers:
            if name.lower() == self.scheme.lower() and token:
                try:
                    return base64.b64decode(token, validate=True)
                except ValueError as error:  # also of what is no ASCII
                    raise AuthenticationFailed(f"the server's {self.scheme} token is no base64") from error
        return None


def _gss(binding: ChannelBinding | None) -> GssChannelBindings | None:
    return GssChannelBindings(application_data=binding.application_data) if binding else None


def _sentence(error: Exception) -> str:
    """What an error says, without what it was about: that may be a token."""
    told = isinstance(error, (SpnegoError, *library_errors()))
    return str(error).partition("\n")[0] if told else type(error).__name__

"""The side that proves who it is: tokens for HTTP's `Authorization` and for RPC's security trailers.

One object serves one connection. Negotiate and NTLM prove the connection; Basic goes with every request. The
tokens of Negotiate and NTLM are pyspnego's, which brings Kerberos where the system has it.
"""

from __future__ import annotations

import base64
import binascii
import logging
import struct
from collections.abc import Collection, Iterable
from typing import Final

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import FeatureMissingError, SpnegoError

from rpch.auth.basic import BasicCredentials
from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.schemes import CONNECTION_BOUND, Scheme, parse_schemes, with_token
from rpch.errors import AuthenticationFailed, LocalProtocolError

Offer = tuple[str, str | None]  # a scheme, and its token in base64 if there is one

# Below that it writes whole tokens, which are enough to guess passwords from.
logging.getLogger("spnego").setLevel(logging.INFO)

_ANY: Final = tuple(Scheme)
_PROTOCOLS: Final = {
    Scheme.NTLM: ("ntlm", spnego.NegotiateOptions.use_ntlm),
    Scheme.NEGOTIATE: ("negotiate", spnego.NegotiateOptions.use_negotiate),
}
# A server with our ticket proves itself too. The library drops tokens of Kerberos where it need not.
_BOTH_SIDES: Final = spnego.ContextReq.mutual_auth
# All that a library raises over tokens it cannot read.
_UNREADABLE: Final = (SpnegoError, ValueError, TypeError, LookupError, struct.error)


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
    """One exchange of Negotiate or NTLM: tokens in, tokens out."""

    def __init__(
        self,
        scheme: Scheme,
        user: str,
        password: str,
        *,
        host: str,
        service: str = "HTTP",
        binding: ChannelBinding | None = None,
        requirements: spnego.ContextReq = spnego.ContextReq.integrity,
    ) -> None:
        """`host` and `service` are what we want to reach; they go into the proof."""
        protocol, options = _PROTOCOLS[scheme]
        self.scheme = scheme
        try:
            self.context = spnego.client(
                user,
                password,
                hostname=host,
                service=service,
                channel_bindings=_gss(binding),
                context_req=requirements | _BOTH_SIDES,
                protocol=protocol,
                options=options,
            )
        except (SpnegoError, FeatureMissingError) as error:
            raise AuthenticationFailed(f"{scheme} cannot be used here: {_sentence(error)}") from error

    @property
    def complete(self) -> bool:
        """Whether nothing more is due from us, and the server has proven itself where it must."""
        return self.context.complete

    def step(self, token: bytes | None = None) -> bytes | None:
        """The next token for the server, if there is one; `AuthenticationFailed` for what cannot go on."""
        try:
            return self.context.step(token)
        except _UNREADABLE as error:
            raise AuthenticationFailed(f"{self.scheme} failed: {_sentence(error)}") from error


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
            TokenInitiator(scheme, user, password, host=host, binding=binding)
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
                except binascii.Error as error:
                    raise AuthenticationFailed(f"the server's {self.scheme} token is no base64") from error
        return None


def _gss(binding: ChannelBinding | None) -> GssChannelBindings | None:
    return GssChannelBindings(application_data=binding.application_data) if binding else None


def _sentence(error: Exception) -> str:
    """What an error says, without what it was about: that may be a token."""
    return str(error).partition("\n")[0] if isinstance(error, SpnegoError) else type(error).__name__

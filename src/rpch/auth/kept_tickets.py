"""Tickets that a password gave, kept in memory: later connections of the same user need no KDC.

They are in a cache that belongs to this process and that nobody else can name; with them are the tickets for
services that were asked for since. All of it goes when its owner does.
"""

from __future__ import annotations

import threading
import weakref
from types import ModuleType
from typing import Final

from spnego import KerberosCCache, Password

from rpch.auth.tickets import lifetime_of, place_of, tickets_libraries

_MARGIN: Final = 60  # seconds that a ticket must still be good for


class KeptTickets:
    """The tickets of one user with one password. Used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._place: str | None = None
        self._forget: weakref.finalize[..., KeptTickets] | None = None

    def source(self, password: Password) -> KerberosCCache:
        """What takes the place of a password. Errors are the library's own: the KDC may say no."""
        gssapi, krb5 = tickets_libraries()
        with self._lock:
            if self._place is None or lifetime_of(gssapi, self._place) < _MARGIN:
                self._place = self._sign_in(krb5, password)
            return KerberosCCache(self._place)

    def _sign_in(self, krb5: ModuleType, password: Password) -> str:
        """Ask the KDC for a ticket to get tickets with, and put it where the others shall go."""
        context = krb5.init_context()
        principal = krb5.parse_name_flags(context, password.username.encode())
        options = krb5.get_init_creds_opt_alloc(context)
        krb5.get_init_creds_opt_set_canonicalize(options, True)
        secret = password.password.encode(errors="surrogatepass")
        ticket = krb5.get_init_creds_password(context, principal, options, password=secret)
        cache = krb5.cc_new_unique(context, b"MEMORY")
        krb5.cc_initialize(context, cache, ticket.client)
        krb5.cc_store_cred(context, cache, ticket)
        if self._forget is not None:
            self._forget()
        self._forget = weakref.finalize(self, krb5.cc_destroy, context, cache)
        return place_of(cache)

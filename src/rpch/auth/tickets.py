"""What we have to prove ourselves by Kerberos with: a ticket that is there, or a password for the realm.

Asked for by name, Kerberos is tried wherever it could be had, and what is missing is an error. Within
Negotiate it is one mechanism of two: where this machine knows no realm for the user nobody is asked, for
the library would look for one in the DNS and wait. Calls here may wait for files, so they belong on a thread.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from spnego import KerberosCCache, Password

from rpch.auth.realms import Realms
from rpch.errors import AuthenticationFailed, ConfigError

Source = KerberosCCache | Password

MISSING: Final = "needs the extra 'kerberos'; install rpch[kerberos] and the system's Kerberos libraries"


def source_for(user: str, password: str, realms: Realms) -> Source:
    """For Kerberos and nothing else. `user` may be empty: then it is whoever has signed in.

    `ConfigError` where the extra is missing, `AuthenticationFailed` without ticket and password.
    """
    gssapi, krb5 = tickets_libraries()
    principal = realms.principal(user) or (user if "@" in user and "\\" not in user else "")
    if user and not principal:
        advice = "write user@REALM, or set default_realm in krb5.conf"
        raise AuthenticationFailed(f"Kerberos: no realm is known for {user}; {advice}")
    if password:
        return Password(principal, password)
    source = _ticket(gssapi, krb5, principal)
    if source is None:
        whose = f" for {principal}" if principal else ""
        advice = "get one with kinit, or give user and password"
        raise AuthenticationFailed(f"Kerberos: there is no ticket{whose}; {advice}")
    return source


def source_if_any(user: str, password: str, realms: Realms) -> Source | None:
    """For Negotiate: None where nothing says that Kerberos would work."""
    try:
        gssapi, krb5 = tickets_libraries()
    except ConfigError:
        return None
    principal = realms.principal(user)
    if password:
        return Password(principal, password) if principal else None
    if user and not principal and "@" not in user:
        return None
    return _ticket(gssapi, krb5, principal or user)


def library_errors() -> tuple[type[Exception], ...]:
    """What the libraries of the extra raise; nothing where they are missing."""
    try:
        gssapi, krb5 = tickets_libraries()
    except ConfigError:
        return ()
    return krb5.Krb5Error, gssapi.raw.GSSError


def lifetime_of(gssapi: ModuleType, place: str) -> float:
    """For how many seconds the tickets of a cache are good; 0 where there is none."""
    store, mechanisms = {b"ccache": place.encode()}, [gssapi.MechType.kerberos]
    try:
        found = gssapi.raw.acquire_cred_from(store, None, mechs=mechanisms, usage="initiate")
    except library_errors():  # nothing there, or nothing that is still good
        return 0
    return float("inf") if found.lifetime is None else found.lifetime


def _ticket(gssapi: ModuleType, krb5: ModuleType, principal: str) -> KerberosCCache | None:
    """The cache with a principal's tickets, or the usual one; None when there is none that holds."""
    try:
        context = krb5.init_context()
        if principal:
            name = krb5.parse_name_flags(context, principal.encode())
            cache = krb5.cc_cache_match(context, name)
        else:
            cache = krb5.cc_default(context)
        place = place_of(cache)
    except library_errors():  # nothing there
        return None
    return KerberosCCache(place) if lifetime_of(gssapi, place) > 0 else None


def place_of(cache: Any) -> str:
    """The name by which GSS-API finds a cache."""
    kind, name = cache.cache_type or b"FILE", cache.name or b""
    return f"{kind.decode()}:{name.decode()}"


def tickets_libraries() -> tuple[ModuleType, ModuleType]:
    """GSS-API and Kerberos, which come with the extra; `ConfigError` without it."""
    try:
        import gssapi
        import krb5
    except (ImportError, OSError) as error:  # the second when the system has no GSS-API
        raise ConfigError("Kerberos", MISSING) from error
    return gssapi, krb5

"""Cause and cure where TLS fails."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final

from rpch.errors import RpchError
from rpch.probe.certificate import Certificate
from rpch.probe.findings import UntrustedCertificate
from rpch.probe.ladder import Explanation
from rpch.probe.situation import Situation

# OpenSSL's X509_V_ERR_…
NO_ISSUER: Final = 2
NOT_YET_VALID: Final = 9
EXPIRED: Final = 10
SELF_SIGNED: Final = 18
SELF_SIGNED_IN_CHAIN: Final = 19
NO_LOCAL_ISSUER: Final = 20
NO_FIRST: Final = 21
WRONG_HOST: Final = 62
WRONG_ADDRESS: Final = 64


def certificate_refused(step: str, error: RpchError, situation: Situation) -> Explanation:
    """Why a certificate is not accepted, by what OpenSSL found."""
    if not isinstance(error, UntrustedCertificate):
        return handshake_failed(error, situation)
    explainer = _BY_CODE.get(error.code)
    if explainer is not None:
        return explainer(error.host, error.certificate)
    return Explanation(
        f"The certificate is not accepted: {error}.", "Look at it with: openssl s_client -showcerts"
    )


def handshake_failed(error: RpchError, situation: Situation) -> Explanation:
    """Why no TLS came about, apart from certificates."""
    cause = error.__cause__
    reason = (cause.reason or "") if isinstance(cause, ssl.SSLError) else ""
    if "PROTOCOL_VERSION" in reason or reason in ("UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION"):
        return Explanation(
            f"{situation.proxy} has no version of TLS in common with us; 1.2 is the oldest that is safe.",
            "Enable TLS 1.2 or 1.3 there.",
        )
    if "HANDSHAKE_FAILURE" in reason or reason == "NO_SHARED_CIPHER":
        return Explanation(
            f"{situation.proxy} has no cipher in common with us, or wants a certificate of the client.",
            "Enable a modern cipher there, and do not ask for client certificates.",
        )
    if "UNRECOGNIZED_NAME" in reason:
        return Explanation(
            f"{situation.proxy} serves TLS, but not under this name.",
            "Write the name that its certificate has in RpcProxy=.",
        )
    return Explanation(
        f"{situation.proxy} takes the connection, but breaks off the TLS handshake.",
        "The port may not speak TLS at all, or a relay in front has no back end; look at its log.",
    )


def _expired(host: str, shown: Certificate | None) -> Explanation:
    ended = f" on {shown.not_after:%Y-%m-%d}" if shown else ""
    return Explanation(
        f"The certificate of {host} expired{ended}.",
        "Renew it on the server. If it is in order, check the clock of this machine.",
    )


def _early(host: str, shown: Certificate | None) -> Explanation:
    begins = f" before {shown.not_before:%Y-%m-%d %H:%M} UTC" if shown else " yet"
    return Explanation(
        f"The certificate of {host} is not valid{begins}.",
        "Check the clocks of this machine and of the server.",
    )


def _untrusted(host: str, shown: Certificate | None) -> Explanation:
    issuer = f" ({shown.issuer})" if shown else ""
    return Explanation(
        f"Nobody here trusts the authority{issuer} that issued the certificate of {host}.",
        "If it is yours: --tls-ca FILE with the authority's certificate. If it is a public one,"
        " the server does not send the certificates in between: install its whole chain there.",
    )


def _self_signed(host: str, shown: Certificate | None) -> Explanation:
    return Explanation(
        f"The certificate of {host} is signed by nobody but itself.",
        "If it is yours: --tls-ca FILE with this certificate. Better: one from an authority,"
        " since Outlook takes no other.",
    )


def _wrong_name(host: str, shown: Certificate | None) -> Explanation:
    names = f" but for {shown.listed}" if shown else ""
    use = shown.names[0] if shown and shown.names else "the name in the certificate"
    return Explanation(
        f"The certificate is not for {host}{names}.",
        f"Write RpcProxy={use} if that is the same machine, or get a certificate that names {host}.",
    )


_BY_CODE: Final[dict[int, Callable[[str, Certificate | None], Explanation]]] = {
    EXPIRED: _expired,
    NOT_YET_VALID: _early,
    NO_ISSUER: _untrusted,
    NO_LOCAL_ISSUER: _untrusted,
    NO_FIRST: _untrusted,
    SELF_SIGNED_IN_CHAIN: _untrusted,
    SELF_SIGNED: _self_signed,
    WRONG_HOST: _wrong_name,
    WRONG_ADDRESS: _wrong_name,
}

"""TLS as this package offers and expects it."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from rpch.errors import ConfigError


def server_context(
    certificate: Path, key: Path | None, client_authorities: Path | None = None
) -> ssl.SSLContext:
    """TLS as a server offers it here: 1.2 and 1.3, HTTP/1.1 only; the key may be in the certificate's file.

    With authorities for clients, a client may show a certificate; a wrong one ends the handshake.
    HTTP/2 cannot carry channels. Observed: Samba 4.17 hangs on TLS 1.3 session tickets, so none are sent.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.num_tickets = 0
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        problem = f"{certificate} with {key or certificate} cannot be used: {error}"
        raise ConfigError("tls-cert", problem) from error
    if client_authorities is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        try:
            context.load_verify_locations(client_authorities)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError("tls-client-ca", f"{client_authorities} cannot be used: {error}") from error
    return context


def client_context(authorities: Path | None = None) -> ssl.SSLContext:
    """TLS as a client expects it: names and chains checked, against these authorities or the system's.

    Not by way of `ssl.create_default_context`, which other libraries replace by one that checks nothing.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if authorities is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(authorities)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("tls-ca", f"{authorities} cannot be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if key_log := os.environ.get("SSLKEYLOGFILE"):
        context.keylog_filename = key_log
    return context

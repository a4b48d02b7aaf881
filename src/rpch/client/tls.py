"""TLS of a client as its caller wants it, with a certificate of its own where it has one."""

from __future__ import annotations

import ssl
from pathlib import Path

from rpch.aio.tls import client_context
from rpch.errors import ConfigError

ClientCertificate = str | Path | tuple[str | Path, str | Path] | bool
"""A file with certificate and key, or one for each; True says that the TLS context has one already."""


def context_for(tls: bool | ssl.SSLContext, certificate: ClientCertificate = False) -> ssl.SSLContext | None:
    """The context to use; None for no TLS. A context of the caller's gets the certificate too."""
    if tls is False:
        if certificate is not False:
            raise ConfigError("client_certificate", "it is shown in TLS only, and there is none")
        return None
    context = client_context() if tls is True else tls
    if certificate is True:
        if tls is True:
            raise ConfigError("client_certificate", "name its file, or give a context that has one")
    elif certificate is not False:
        _load(context, certificate)
    return context


def _load(context: ssl.SSLContext, certificate: str | Path | tuple[str | Path, str | Path]) -> None:
    file, key = certificate if isinstance(certificate, tuple) else (certificate, None)
    try:
        context.load_cert_chain(file, key)
    except (OSError, ssl.SSLError) as error:
        problem = f"{file} with {key or file} cannot be used: {error}"
        raise ConfigError("client_certificate", problem) from error

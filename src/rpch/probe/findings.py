"""What a step may find out that no error of the layers below says."""

from __future__ import annotations

from rpch.errors import AuthenticationFailed, RemoteProtocolError, RpchError, TransportError
from rpch.probe.certificate import Certificate


class UntrustedCertificate(TransportError):
    """TLS works, but the server's certificate is not accepted. `code` is OpenSSL's (`X509_V_ERR_…`)."""

    def __init__(self, host: str, code: int, words: str, certificate: Certificate | None) -> None:
        shown = f" (it is for {certificate.listed})" if certificate else ""
        super().__init__(f"{words}{shown}")
        self.host, self.code, self.certificate = host, code, certificate


class SpeaksTls(TransportError):
    """We spoke plain HTTP to a port that wants TLS."""


class SpeaksPlain(TransportError):
    """We spoke TLS to a port of plain HTTP."""


class SpeaksRpc(TransportError):
    """The port is that of an RPC server, which shows its banner, not of an RPC proxy.  MS-RPCH 2.1.1.2.1"""


class NotAnRpcProxy(RemoteProtocolError):
    """Something answered an echo request with success, but not with an echo PDU.  MS-RPCH 2.1.2.1.6"""


class NoUsableScheme(AuthenticationFailed):
    """The proxy offers no way to authenticate that we have, or that we were told to use."""


class OnlyInTheClear(AuthenticationFailed):
    """The proxy takes passwords only, and the way to it is not encrypted."""


class CallerRefused(AuthenticationFailed):
    """The RPC server and we could not agree on who is who.  MS-RPCE 3.3.1.5.2"""


class HttpProxyAsks(AuthenticationFailed):
    """Not the RPC proxy but an HTTP proxy on the way wants credentials.  RFC 9110 15.5.8"""


class NotRegistered(RpchError):
    """The endpoint mapper does not know an interface.  C706 O"""


class NotListening(RpchError):
    """The server says of itself that it takes no calls.  C706 Q"""

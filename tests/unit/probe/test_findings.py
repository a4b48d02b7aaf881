"""What steps find out carries its facts and one sentence."""

import datetime as dt

import pytest

from rpch.errors import AuthenticationFailed, RemoteProtocolError, RpchError, TransportError
from rpch.probe.certificate import Certificate
from rpch.probe.findings import (
    CallerRefused,
    HttpProxyAsks,
    NotAnRpcProxy,
    NotListening,
    NotRegistered,
    NoUsableScheme,
    OnlyInTheClear,
    SpeaksPlain,
    SpeaksRpc,
    SpeaksTls,
    UntrustedCertificate,
)

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SHOWN = Certificate("mail", "CA", ("mail.lab.example",), NOW, NOW)


def test_a_certificate_that_is_not_accepted_says_for_whom_it_is() -> None:
    error = UntrustedCertificate("proxy", 62, "Hostname mismatch", SHOWN)
    assert str(error) == "Hostname mismatch (it is for mail.lab.example)"
    assert (error.host, error.code, error.certificate) == ("proxy", 62, SHOWN)
    assert str(UntrustedCertificate("proxy", 20, "unable to get local issuer", None)) == (
        "unable to get local issuer"
    )


@pytest.mark.parametrize(
    ("kind", "above"),
    [
        (UntrustedCertificate, TransportError),
        (SpeaksTls, TransportError),
        (SpeaksPlain, TransportError),
        (SpeaksRpc, TransportError),
        (NotAnRpcProxy, RemoteProtocolError),
        (NoUsableScheme, AuthenticationFailed),
        (CallerRefused, AuthenticationFailed),
        (OnlyInTheClear, AuthenticationFailed),
        (HttpProxyAsks, AuthenticationFailed),
        (NotRegistered, RpchError),
        (NotListening, RpchError),
    ],
)
def test_findings_belong_to_the_errors_of_the_package(kind: type[RpchError], above: type[RpchError]) -> None:
    assert issubclass(kind, above)

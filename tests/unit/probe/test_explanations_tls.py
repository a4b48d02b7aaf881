"""Why TLS failed, in words, by what OpenSSL found."""

import datetime as dt
import ssl

import pytest

from rpch.errors import TransportError
from rpch.probe.certificate import Certificate
from rpch.probe.explanations_tls import certificate_refused, handshake_failed
from rpch.probe.findings import UntrustedCertificate
from rpch.probe.situation import Situation

BEGIN = dt.datetime(2026, 1, 1, 8, 30, tzinfo=dt.UTC)
END = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
SHOWN = Certificate("mail", "Laboratory CA", ("mail.lab.example", "mail"), BEGIN, END)
NAMELESS = Certificate("mail", "mail", (), BEGIN, END)
AT = Situation("proxy", "proxy:443", "server:593", "proxy:443", tls=True)


@pytest.mark.parametrize(
    ("code", "cause", "cure"),
    [
        (9, "not valid before 2026-01-01 08:30 UTC", "clocks"),
        (10, "expired on 2026-04-01", "Renew"),
        (2, "Nobody here trusts the authority (Laboratory CA)", "--tls-ca"),
        (18, "signed by nobody but itself", "--tls-ca"),
        (19, "Nobody here trusts the authority (Laboratory CA)", "--tls-ca"),
        (20, "Nobody here trusts the authority (Laboratory CA)", "whole chain"),
        (21, "Nobody here trusts the authority (Laboratory CA)", "--tls-ca"),
        (62, "not for proxy but for mail.lab.example, mail", "RpcProxy=mail.lab.example"),
        (64, "not for proxy but for mail.lab.example, mail", "names proxy"),
        (23, "words of OpenSSL", "openssl s_client"),
    ],
)
def test_a_certificate_is_refused_for_a_reason(code: int, cause: str, cure: str) -> None:
    error = UntrustedCertificate("proxy", code, "words of OpenSSL", SHOWN)
    found = certificate_refused("tls", error, AT)
    assert cause in found.cause
    assert cure in found.cure


@pytest.mark.parametrize("code", [9, 10, 18, 20, 62])
def test_a_certificate_that_cannot_be_read_is_explained_all_the_same(code: int) -> None:
    found = certificate_refused("tls", UntrustedCertificate("proxy", code, "words", None), AT)
    assert "proxy" in found.cause
    assert "None" not in found.cause + found.cure


def test_a_certificate_without_names_is_for_nobody() -> None:
    found = certificate_refused("tls", UntrustedCertificate("proxy", 62, "mismatch", NAMELESS), AT)
    assert "but for no name at all" in found.cause
    assert "the name in the certificate" in found.cure


def failed(reason: str | None) -> TransportError:
    error, cause = TransportError("TLS failed"), ssl.SSLError(1, "words")
    cause.reason = reason  # type: ignore[assignment]
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "version of TLS"),
        ("UNSUPPORTED_PROTOCOL", "version of TLS"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "cipher in common"),
        ("TLSV1_UNRECOGNIZED_NAME", "not under this name"),
        ("UNEXPECTED_EOF_WHILE_READING", "breaks off"),
        (None, "breaks off"),
    ],
)
def test_a_handshake_fails_for_a_reason(reason: str | None, cause: str) -> None:
    found = handshake_failed(failed(reason), AT)
    assert found.cause.startswith("proxy:443")
    assert cause in found.cause


def test_what_is_no_matter_of_certificates_is_one_of_the_handshake() -> None:
    assert "breaks off" in certificate_refused("tls", TransportError("reset"), AT).cause

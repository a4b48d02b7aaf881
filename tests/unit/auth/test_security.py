"""The seam of session security."""

from __future__ import annotations

from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.session import NtlmSession
from rpch.auth.security import SessionSecurity, SignatureMismatch
from rpch.errors import RemoteProtocolError


def test_a_wrong_signature_is_the_peers_mistake() -> None:
    error = SignatureMismatch("it does not fit")
    assert isinstance(error, RemoteProtocolError)
    assert str(error) == "it does not fit"


def test_an_ntlm_session_fits_the_seam() -> None:
    session: SessionSecurity = NtlmSession(bytes(16), NtlmFlags.NONE, acceptor=True)
    assert session.signature_size == 16

"""Whether NTLM can be used here."""

from __future__ import annotations

import hashlib

import pytest

from rpch.auth.ntlm.availability import why_unavailable


def test_it_can_be_used_where_there_is_md5() -> None:
    assert why_unavailable() is None


def test_without_md5_it_cannot_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(data: bytes, *, usedforsecurity: bool) -> None:
        raise ValueError("disabled for FIPS")

    monkeypatch.setattr(hashlib, "md5", missing)
    reason = why_unavailable()
    assert reason is not None
    assert "no MD5" in reason

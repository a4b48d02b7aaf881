"""One exchange, whatever its mechanism."""

from __future__ import annotations

from rpch.auth.accounts import Identity
from rpch.auth.mechanism import Continue, Done, Established, Failed, StepFailed
from rpch.auth.ntlm.flags import NtlmFlags
from rpch.auth.ntlm.session import NtlmSession
from rpch.auth.outcomes import AuthRule, Failure


def test_tokens_and_keys_are_not_shown() -> None:
    session = NtlmSession(b"canary-canary-16", NtlmFlags.SIGN, acceptor=True)
    established = Established("NTLM", Identity("alice", "LAB"), session)
    steps = (Continue(b"canary"), Done(established, b"canary"), Failed(Failure("rule", "detail"), b"canary"))
    assert "canary" not in repr(steps)


def test_a_step_that_fails_carries_its_reason() -> None:
    failed = StepFailed(AuthRule.NTLM_MIC, "it does not fit")
    assert failed.failure == Failure("NtlmMic", "it does not fit")

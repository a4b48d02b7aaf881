"""What a step of authentication comes to."""

from __future__ import annotations

from rpch.auth.outcomes import AuthRule, Failure


def test_a_failure_names_its_rule() -> None:
    assert str(Failure(AuthRule.WRONG_CREDENTIALS, "user 'alice'")) == "WrongCredentials: user 'alice'"


def test_rules_have_names_of_their_own() -> None:
    assert len({str(rule) for rule in AuthRule}) == len(AuthRule)

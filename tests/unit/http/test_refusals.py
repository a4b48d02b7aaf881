"""Refusals name their rule."""

from __future__ import annotations

import pytest

from rpch.errors import RemoteProtocolError
from rpch.http.refusals import STATUS_OF, HttpRefused, Rule, refused_by


def test_a_refusal_is_the_peers_mistake_and_says_which_rule() -> None:
    refused = HttpRefused(403, "Forbidden", "ValidPorts", "ex01:25 is not listed")
    assert isinstance(refused, RemoteProtocolError)
    assert (refused.status, refused.phrase, refused.rule) == (403, "Forbidden", "ValidPorts")
    assert str(refused) == "refused by ValidPorts: ex01:25 is not listed (403 Forbidden)"


def test_the_sentence_goes_without_detail() -> None:
    assert str(HttpRefused(403, "Forbidden", "ValidPorts")) == "refused by ValidPorts (403 Forbidden)"


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_an_error_status_and_a_name_fit_for_a_field(rule: Rule) -> None:
    refused = refused_by(rule, "why")
    assert 400 <= refused.status < 600
    assert refused.status == STATUS_OF.get(rule, 400)
    assert refused.phrase
    assert refused.rule.isalnum()


def test_rules_without_an_entry_are_bad_requests() -> None:
    refused = refused_by(Rule.GRAMMAR, "why")
    assert (refused.status, refused.phrase) == (400, "Bad Request")

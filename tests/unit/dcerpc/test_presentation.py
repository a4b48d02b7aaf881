from __future__ import annotations

import pytest

from rpch.dcerpc.interface import Interface
from rpch.dcerpc.pdus import NDR20, NDR64, NO_SYNTAX, ContextElement, ContextResult, RejectReason, SyntaxId
from rpch.dcerpc.presentation import (
    BadOffer,
    Features,
    PresentationContexts,
    feature_syntax,
    offered_features,
)
from rpch.testing.raw_rpc import INTERFACES, MANAGED, MAPPED, UNKNOWN, offer

ACCEPTED = ContextResult(0, 0, NDR20)
UNKNOWN_ABSTRACT = ContextResult(2, 1)
NO_TRANSFER = ContextResult(2, 2)


def test_features_travel_in_a_transfer_syntax() -> None:
    syntax = feature_syntax(Features.SECURITY_CONTEXT_MULTIPLEXING | Features.KEEP_CONNECTION_ON_ORPHAN)
    # prefix, mask 0x03, version 1.0: from the golden bind
    assert syntax.encode().hex() == "2c1cb76c12984045" + "0300000000000000" + "01000000"
    assert offered_features(offer(0, NO_SYNTAX, syntax)) == 3
    assert offered_features(offer(0, NO_SYNTAX, NDR20, syntax)) is None
    assert offered_features(ContextElement(0, NO_SYNTAX, ())) is None
    assert offered_features(offer(0, NO_SYNTAX, SyntaxId(syntax.uuid, 2))) is None


def test_a_bind_agrees_on_what_both_know() -> None:
    agreed = PresentationContexts(INTERFACES).bind([offer(0, NO_SYNTAX, feature_syntax(Features(0xF2)))])
    assert agreed.results == (ContextResult(3, 2),)
    assert agreed.features is Features.KEEP_CONNECTION_ON_ORPHAN
    assert not agreed.created


def test_features_are_no_news_to_an_alter_context() -> None:
    element = offer(1, MANAGED.syntax, feature_syntax(Features(3)))
    assert PresentationContexts(INTERFACES).alter([element]).results == (NO_TRANSFER,)


def test_elements_are_answered_in_order_and_one_is_accepted() -> None:
    contexts = PresentationContexts(INTERFACES)
    elements = [
        offer(1, UNKNOWN),
        offer(2, MANAGED.syntax, NDR64),
        offer(3, MANAGED.syntax, NDR64, NDR20),
        offer(4, MAPPED.syntax),
        offer(5, UNKNOWN),
    ]
    agreed = contexts.bind(elements)
    assert agreed.results == (UNKNOWN_ABSTRACT, NO_TRANSFER, ACCEPTED, NO_TRANSFER, UNKNOWN_ABSTRACT)
    assert agreed.created
    assert len(contexts) == 1
    found = contexts.find(3)
    assert found is not None
    assert (found.interface, found.transfer_syntax, found.context_id) == (MANAGED, NDR20, 3)
    assert contexts.find(4) is None


def test_an_id_offered_again_stays_what_it_is() -> None:
    contexts = PresentationContexts(INTERFACES)
    contexts.bind([offer(1)])
    before = contexts.find(1)
    assert contexts.alter([offer(1)]).results == (ACCEPTED,)
    assert not contexts.alter([offer(1)]).created
    assert contexts.alter([offer(1, MANAGED.syntax, NO_SYNTAX)]).results == (NO_TRANSFER,)
    assert contexts.find(1) is before
    with pytest.raises(BadOffer, match="context 1 is offered again for another interface"):
        contexts.alter([offer(1, MAPPED.syntax)])


def test_an_id_offered_again_may_repeat_ndr64_and_not_add_it() -> None:
    contexts = PresentationContexts(INTERFACES)
    both, late = (NDR20, NDR64), (NO_SYNTAX, MAPPED.syntax, NDR64)
    contexts.bind([offer(1, MANAGED.syntax, *both)])
    assert contexts.alter([offer(1, MANAGED.syntax, *both)]).results == (ACCEPTED,)
    contexts.alter([offer(2)])
    for transfers in both, late, (NDR64,):
        with pytest.raises(BadOffer, match="context 2 is offered again, now with NDR64"):
            contexts.alter([offer(2, MANAGED.syntax, *transfers)])


@pytest.mark.parametrize(
    ("version", "result"),
    [((2, 0), ACCEPTED), ((2, 3), ACCEPTED), ((2, 4), UNKNOWN_ABSTRACT), ((1, 0), UNKNOWN_ABSTRACT)],
)
def test_the_major_version_is_met_and_the_minor_is_enough(
    version: tuple[int, int], result: ContextResult
) -> None:
    served = Interface("Served", SyntaxId(UNKNOWN.uuid, 2, 3), {})
    contexts = PresentationContexts([served])
    assert contexts.bind([offer(0, SyntaxId(UNKNOWN.uuid, *version))]).results == (result,)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ([], RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED),
        ([ContextElement(0, MANAGED.syntax, ())], RejectReason.NOT_SPECIFIED),
        ([offer(0, NO_SYNTAX, feature_syntax(Features(1)))] * 2, RejectReason.NOT_SPECIFIED),
        ([offer(0)], RejectReason.LOCAL_LIMIT_EXCEEDED),
    ],
)
def test_offers_that_no_answer_fits(elements: list[ContextElement], reason: RejectReason) -> None:
    with pytest.raises(BadOffer) as caught:
        PresentationContexts(INTERFACES, limit=0).bind(elements)
    assert caught.value.reason is reason


def test_an_alter_context_beyond_the_limit_is_rejected_element_by_element() -> None:
    contexts = PresentationContexts(INTERFACES, limit=1)
    contexts.bind([offer(0)])
    assert contexts.alter([offer(1), offer(0)]).results == (ContextResult(2, 3), ACCEPTED)

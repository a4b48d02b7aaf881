"""The events and actions of a client connection."""

import dataclasses
from typing import get_args

import pytest

from rpch.dcerpc import client_events
from rpch.dcerpc.client_events import Action, Event

DECLARED = {
    declared
    for declared in vars(client_events).values()
    if dataclasses.is_dataclass(declared) and getattr(declared, "__module__", "") == client_events.__name__
}


def test_each_is_an_event_or_an_action() -> None:
    events, actions = set(get_args(Event)), set(get_args(Action))
    assert events.isdisjoint(actions)
    assert events | actions == DECLARED - {client_events.Authentication}


@pytest.mark.parametrize("declared", sorted(DECLARED, key=str))
def test_none_can_be_changed_once_it_happened(declared: type) -> None:
    assert declared.__dataclass_params__.frozen  # type: ignore[attr-defined]

"""Legs, and how they are named."""

from __future__ import annotations

from rpch.vconn.events import Leg, Place


def test_a_leg_is_named_by_its_place_and_number() -> None:
    assert repr(Leg(Place.IN_H)) == "IN-H#1"
    assert repr(Leg(Place.OUT_T, 3)) == "OUT-T#3"


def test_a_successor_has_the_same_place_and_the_next_number() -> None:
    leg = Leg(Place.OUT_H, 4)
    assert repr(leg.successor()) == "OUT-H#5"


def test_legs_of_the_same_name_are_different_legs() -> None:
    assert Leg(Place.IN_H) != Leg(Place.IN_H)
    assert len({Leg(Place.IN_H), Leg(Place.IN_H)}) == 2

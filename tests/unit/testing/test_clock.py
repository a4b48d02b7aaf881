"""Virtual time."""

from __future__ import annotations

import pytest

from rpch.testing.clock import Clock


def test_things_happen_in_the_order_of_their_times() -> None:
    clock, seen = Clock(), list[tuple[float, str]]()
    clock.at(2.0, lambda: seen.append((clock.now, "second")))
    clock.at(1.0, lambda: seen.append((clock.now, "first")))
    clock.at(2.0, lambda: seen.append((clock.now, "third")))
    while clock.step():
        pass
    assert seen == [(1.0, "first"), (2.0, "second"), (2.0, "third")]


def test_what_is_late_happens_now() -> None:
    clock = Clock()
    clock.run(10.0)
    clock.at(5.0, lambda: None)
    assert clock.next_time() == 10.0


def test_what_is_called_off_does_not_happen() -> None:
    clock, seen = Clock(), list[str]()
    appointment = clock.after(1.0, lambda: seen.append("never"))
    clock.call_off(appointment)
    clock.call_off(appointment)
    assert clock.next_time() is None
    assert not clock.step()
    assert (seen, clock.busy) == ([], 0)


def test_what_has_happened_cannot_be_called_off() -> None:
    clock, seen = Clock(), list[str]()
    appointment = clock.after(1.0, lambda: seen.append("done"))
    clock.step()
    clock.call_off(appointment)
    assert (seen, clock.busy) == (["done"], 0)


def test_running_stops_at_a_time_and_lets_it_pass() -> None:
    clock, seen = Clock(), list[float]()
    for when in (1.0, 2.0, 3.0):
        clock.at(when, lambda: seen.append(clock.now), patient=True)
    clock.run(2.5)
    assert (seen, clock.now) == ([1.0, 2.0], 2.5)


def test_settling_ends_when_only_the_patient_are_left() -> None:
    clock, seen = Clock(), list[str]()
    clock.at(1.0, lambda: seen.append("patient, but early"), patient=True)
    clock.at(2.0, lambda: seen.append("busy"))
    clock.at(3.0, lambda: seen.append("patient"), patient=True)
    clock.settle(limit=10)
    assert seen == ["patient, but early", "busy"]


def test_a_world_that_never_settles_is_noticed() -> None:
    clock = Clock()

    def again() -> None:
        clock.after(1.0, again)

    again()
    with pytest.raises(RuntimeError, match="still busy after 100 steps"):
        clock.settle(limit=100)

"""What kind of simulated world it is to be."""

from __future__ import annotations

from rpch.testing.plans import WINDOWS, Plan
from rpch.vconn.settings import LIFETIME_MINIMUM


def test_a_seed_always_draws_the_same_plan() -> None:
    assert Plan.drawn(7) == Plan.drawn(7)
    assert Plan.drawn(7) != Plan.drawn(8)


def test_plans_cover_what_is_possible() -> None:
    plans = [Plan.drawn(seed) for seed in range(200)]
    assert {plan.nodes for plan in plans} == {1, 2, 3, 4, 5}
    assert {plan.clients for plan in plans} == {1, 2}
    for of in (
        {plan.proxy.receive_window for plan in plans},
        {plan.client.receive_window for plan in plans},
        {plan.server.receive_window for plan in plans},
    ):
        assert of == set(WINDOWS)
    assert {plan.client.strict for plan in plans} == {True, False}
    assert {plan.server_consumes_slowly for plan in plans} == {True, False}
    assert {plan.hears_on for plan in plans} == {True, False}
    assert {plan.naps for plan in plans} == {True, False}


def test_drawn_plans_have_the_shortest_lifetimes() -> None:
    plan = Plan.drawn(1)
    lifetimes = {plan.client.channel_lifetime, plan.proxy.channel_lifetime, plan.server.channel_lifetime}
    assert lifetimes == {LIFETIME_MINIMUM}


def test_a_chosen_plan_has_the_defaults_of_the_roles() -> None:
    assert Plan(seed=1).proxy.receive_window == 65_536

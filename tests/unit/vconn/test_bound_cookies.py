"""A cookie is worth something only together with who came with it."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from rpch.rts.commands import Cookie
from rpch.vconn.bound_cookies import bound_cookie

COOKIE = Cookie(bytes(range(16)))
PAIRS = st.tuples(st.text(min_size=1, max_size=40), st.binary(min_size=16, max_size=16))


def test_all_proxies_make_the_same_of_it() -> None:
    """Those of other versions, too: this value may not change."""
    assert bound_cookie(COOKIE, r"LAB\ALICE") == Cookie(bytes.fromhex("b94c2e8fae59e35c39ef554f7e41b883"))


def test_where_nobody_has_a_name_it_stays_as_it_is() -> None:
    assert bound_cookie(COOKIE, "") is COOKIE


@given(st.lists(PAIRS, unique=True, min_size=2, max_size=6))
def test_another_user_or_another_cookie_is_another_virtual_connection(pairs: list[tuple[str, bytes]]) -> None:
    told = [bound_cookie(Cookie(cookie), user).value for user, cookie in pairs]
    assert all(one != other for one, other in combinations(told, 2))
    assert not {cookie for _, cookie in pairs} & set(told)


def test_what_a_user_is_called_does_not_run_into_the_cookie() -> None:
    longer = Cookie(b"b" + bytes(15))
    assert bound_cookie(longer, "a") != bound_cookie(Cookie(bytes(16)), "ab")


def test_a_name_in_any_letters_has_a_cookie() -> None:
    assert bound_cookie(COOKIE, "L\u00e4B\\\ud800") != COOKIE

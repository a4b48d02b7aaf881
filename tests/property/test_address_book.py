"""Random address books: searches equal a plain filter, and walking a table equals the table."""

import pytest

from tests.property.address_book_checks import check_matches, check_walks

BOOKS = 150


@pytest.mark.parametrize("start", range(0, BOOKS, 50))
def test_get_matches_equals_a_plain_filter(start: int) -> None:
    for seed in range(start, start + 50):
        check_matches(seed, conditions=6)


@pytest.mark.parametrize("start", range(0, BOOKS, 50))
def test_a_table_walked_in_any_way_is_the_table(start: int) -> None:
    for seed in range(start, start + 50):
        check_walks(seed)

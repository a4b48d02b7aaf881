"""Checks thousands of random address books: `python -m tools.check_address_book --books 10000`.

Each book is searched with random restrictions and compared with a plain filter, and its table is walked in
random pieces, forwards, backwards and by fractions. The seed of a book that fails is in the message.
"""

import argparse
import time

from tests.property.address_book_checks import check_matches, check_walks


def main() -> None:
    """Checks as many as wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=10_000)
    parser.add_argument("--conditions", type=int, default=10, help="restrictions for each book")
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    for seed in range(options.first_seed, options.first_seed + options.books):
        check_matches(seed, conditions=options.conditions)
        check_walks(seed)
    took = time.monotonic() - started
    searches = options.books * options.conditions
    print(f"{options.books} books, {searches} restrictions: all as they should be, in {took:.0f} s")


if __name__ == "__main__":
    main()

"""Names in the order of each language, held against ICU's, which PostgreSQL sorts by."""

import random
import re
from collections.abc import Iterator

import pytest

from rpch.exchange.nspi.collation.keys import sort_form
from rpch.exchange.nspi.collation.letters import LANGUAGES, LOCALES
from tests.interop.postgresql_server import Postgresql, postgresql_serving

DEFAULT = 0x0409
# What ICU calls our locales; Greenlandic, which we sort as Danish, it does not know.
NAMES = {
    0x0405: "cs",
    0x0406: "da",
    0x040A: "es-u-co-trad",
    0x0C0A: "es",
    0x040B: "fi",
    0x040E: "hu",
    0x040F: "is",
    0x0414: "nb",
    0x0415: "pl",
    0x0418: "ro",
    0x041A: "hr",
    0x041B: "sk",
    0x041C: "sq",
    0x041D: "sv",
    0x041F: "tr",
    0x0424: "sl",
    0x0425: "et",
    0x0426: "lv",
    0x0427: "lt",
    0x042A: "vi",
    0x042C: "az",
    0x0438: "fo",
    0x0452: "cy",
    0x0456: "gl",
    0x1_0407: "de-u-co-phonebk",
    DEFAULT: "en",
}
WORDS = 600


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgresql, str]]:
    with postgresql_serving(tmp_path_factory.mktemp("postgresql")) as server:
        yield server, server.new_database().rpartition("/")[2]


def letters_of(locale: int) -> list[str]:
    rules = LOCALES.get(locale) or LANGUAGES.get(locale & 0x3FF) or "e<é u<ü o<ö a<à n<ñ"
    return [letter for letter in re.split("[<= ]", rules) if letter]


def words(locale: int) -> list[str]:
    """Of the letters of a language and all others, in small letters and capitals."""
    rng = random.Random(locale)
    letters = [*letters_of(locale) * 3, *"abcdefghijklmnopqrstuvwxyz"]
    some = {"".join(rng.choices(letters, k=rng.randint(1, 3))) for _ in range(WORDS)}
    # ICU takes å apart, and so reads aå as aa with a ring.
    plain = (word for word in sorted(some) if not re.search("a[åä]", word))
    return sorted(word.title() if rng.random() < 0.3 else word for word in plain)


def ranks(server: Postgresql, database: str, name: str, some: list[str]) -> dict[str, int]:
    """Where ICU puts each word; those with equal first weights are in one place."""
    collation = f"{name}{'-' if '-u-' in name else '-u-'}ks-level1"
    listed = ",".join(f"'{word}'" for word in some)
    make = f"CREATE COLLATION wanted (provider=icu, locale='{collation}', deterministic=false)"
    rank = "dense_rank() OVER (ORDER BY w COLLATE wanted) || ' ' || w"
    ask = f"SELECT {rank} FROM unnest(ARRAY[{listed}]) w"  # noqa: S608 - of letters only
    sql = f"{make};{ask};DROP COLLATION wanted"
    printed = server.run("psql", "-qAt", "-c", sql, database)
    found = (line.split(" ", 1) for line in printed.splitlines() if " " in line)
    return {word: int(rank) for rank, word in found}


@pytest.mark.parametrize("locale", NAMES, ids=lambda locale: NAMES[locale])
def test_every_language_sorts_as_icu_does(database: tuple[Postgresql, str], locale: int) -> None:
    some = words(locale)
    wanted = ranks(*database, NAMES[locale], some)
    forms = sorted({sort_form(word, locale) for word in some})
    found = {word: forms.index(sort_form(word, locale)) + 1 for word in some}
    assert found == wanted

"""Every fuzz target takes its seeds, the kept corpus, and a few thousand quick mutations of both.

The coverage-guided run is `make fuzz`; this is what every test run can afford.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
MUTATIONS = 150
LARGEST = 4096
INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x80",
    b"\r\n\r\n",
    b"\x05\0\x14\x03",
)

each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


def kept(target: Target) -> list[bytes]:
    folder = CORPUS / target.name
    return [file.read_bytes() for file in sorted(folder.iterdir())] if folder.is_dir() else []


def mutated(data: bytes, dice: random.Random) -> bytes:
    """One to four small changes."""
    changed = bytearray(data[:LARGEST] or b"\0")
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(4):
            case 0:
                changed[at : at + dice.randint(0, 8)] = b""
            case 1:
                changed[at:at] = dice.choice(INTERESTING)
            case 2:
                changed[at : at + 1] = bytes((dice.randrange(256),))
            case _:
                changed[at:at] = changed[: dice.randint(0, 32)]
    return bytes(changed)


@each_target
def test_seeds_and_the_kept_corpus_raise_nothing_of_our_own(target: Target) -> None:
    inputs = [b"", *target.seeds, *kept(target)]
    for data in inputs:
        target.run(data)
    assert len(inputs) > 1


@each_target
def test_mutations_raise_nothing_of_our_own(target: Target) -> None:
    dice = random.Random(target.name)
    inputs = [*target.seeds, *kept(target)]
    for _ in range(MUTATIONS):
        target.run(mutated(dice.choice(inputs), dice))
    assert inputs


def test_every_folder_of_the_corpus_belongs_to_a_target() -> None:
    folders = {folder.name for folder in CORPUS.iterdir()} if CORPUS.is_dir() else set()
    assert folders <= {target.name for target in TARGETS}

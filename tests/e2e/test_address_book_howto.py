"""Every command of `docs/howto/address-book.md` that needs nothing but rpch does what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.howto_commands import blocks, commands
from tests.rpch_process import RpchProcess, rpch_process

pytestmark = pytest.mark.slow

PAGE = "address-book.md"
UP, *REST = commands(PAGE)
OTHERS = ("tshark", "exchanger.py", "rpcmap.py")  # tests/interop/test_address_book_howto.py
TYPED = [line for line in REST if not line.startswith(OTHERS)]
SAID = {
    "--what-if": "would be 4 added",
    "import people.csv": "4 added",
    "book.ldif": "entries in book.ldif",
    "--format vcf": "FN:Frieda Frost",
    "users add": r"LAB\gina can sign in",
    "--members": "Gina Gold",
    "lookup frieda": "Buyer",
    "=gina@lab.example": '"mail": "ozgur@partner.example"',
    "--brief": "NSPI NspiResolveNamesW",
    "ping": "f5cc5a18-4264-101a-8c59-08002b2f8426/v56.0",
}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RpchProcess, Path]]:
    """What the page's first command starts, in the folder of all others."""
    folder = tmp_path_factory.mktemp("howto")
    (table,) = blocks(PAGE, "csv")
    (folder / "people.csv").write_text(table, "utf-8")
    _, *arguments = UP.split()
    where = ("--listen", "127.0.0.1:0", "--data", str(folder / "data"))
    with rpch_process(*arguments, *where, log=folder / "log") as running:
        yield running, folder


def test_the_commands_say_what_they_should(up: tuple[RpchProcess, Path]) -> None:
    running, folder = up
    script = [f"rpch() {{ {sys.executable} -c 'from rpch.cli import main; main()' \"$@\"; }}", "set -e"]
    script += [f"echo '# {number}'\n{line}" for number, line in enumerate(TYPED)]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script).replace("localhost:8443", f"localhost:{running.port}")],
        cwd=folder,
        env={**os.environ, "ALICE": running.ready["users"][0]["password"], "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [part.partition("\n")[2] for part in ("\n" + done.stdout).split("\n# ")[1:]]
    assert len(said) == len(TYPED)
    for line, printed in zip(TYPED, said, strict=True):
        expected = [text for what, text in SAID.items() if what in line]
        assert expected or line.startswith("export "), f"nobody says what comes of: {line}"
        assert all(text in printed for text in expected[:1]), (line, printed)


def test_every_expectation_is_about_a_command() -> None:
    assert all(any(what in line for line in TYPED) for what in SAID)

"""The commands of `docs/howto/address-book.md` that other people's programs are needed for."""

import os
import subprocess
import sys
from pathlib import Path

from tests.howto_commands import commands
from tests.interop.book_laboratory import BookLaboratory

OTHERS = ("tshark", "exchanger.py", "rpcmap.py")
SAID = {
    "tshark": "NspiResolveNamesW request",
    "list-tables": "Default Global Address List",
    "-name GAL": "mail: alice@lab.example",
    "-name Partners": "mail: erika@partner.example",
    "rpcmap.py": "F5CC5A18-4264-101A-8C59-08002B2F8426 v56.0",
}


def typed(line: str, lab: BookLaboratory, folder: Path) -> str:
    """What a command of the page prints, typed at this laboratory."""
    address = lab.lab.served.address
    place = address.rpartition(":")[0]
    line = line.replace("localhost:8443", address).replace("RpcProxy=localhost:443", f"RpcProxy={address}")
    line = line.replace("@localhost", f"@{place}").replace("data/ca.pem", str(lab.lab.ca))
    domain, user, password = lab.lab.account
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", line.replace("lookup frieda", "lookup alice")],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "RPCH_USER": rf"{domain}\{user}",
            "RPCH_PASSWORD": password,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_each_says_what_it_should(book_lab: BookLaboratory, tmp_path: Path) -> None:
    lines = commands("address-book.md")
    begin = next(at for at, line in enumerate(lines) if line.startswith("RPCH_TRACE="))
    answers = {line: typed(line, book_lab, tmp_path) for line in lines[begin:]}
    theirs = {line: said for line, said in answers.items() if line.startswith(OTHERS)}
    assert len(theirs) == len(SAID)
    for (line, said), (what, expected) in zip(theirs.items(), SAID.items(), strict=True):
        assert what in line
        assert expected in said, line
        assert "[-]" not in said

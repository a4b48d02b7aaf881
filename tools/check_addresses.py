"""Checks that no file names a package registry's address or a place on somebody's machine.

The project is built wherever it is cloned: from whichever registry is set up there, in whichever folder.
"""

import re
import subprocess
import sys
from pathlib import Path

# Each pattern is written so that it does not match itself.
FORBIDDEN = {
    "a registry's address": re.compile(
        r"pypi\.(?:org|python)|pythonhosted\.(?:org)|registry\.(?:npmjs|yarnpkg)|(?:deb|security)\.debian\.(?:org)"
        r"|(?:index|extra-index|find-links)-?(?:url)?[ =](?:https?|file):"
    ),
    "a place on somebody's machine": re.compile(r"(?<![\w.])/(?:root|home|work|Users)/\w"),
}


def tracked() -> list[Path]:
    """Every file of the work tree that is, or is about to be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := Path(name)).is_file()]


def findings(path: Path) -> list[str]:
    """The lines of one text file that name what they must not."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return []  # not text: a capture or a key
    return [
        f"{path}:{number} names {what}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def main() -> int:
    """Prints every such line; the exit status says whether there is any."""
    found = [line for path in tracked() for line in findings(path)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

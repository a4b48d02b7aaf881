"""One fuzz target under atheris; `tools.fuzz` runs this, with libFuzzer's options behind the name."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["rpch"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz the target that is named first."""
    name, *options = sys.argv[1:]
    target = next(target for target in TARGETS if target.name == name)
    atheris.Setup([sys.argv[0], *options], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

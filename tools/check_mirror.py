"""Checks that every module has its own test file, and every unit test file its module.

`src/rpch/rts/commands.py` is covered by `tests/unit/rts/test_commands.py`, and by that file alone.
"""

import ast
import sys
from pathlib import Path

SOURCE = Path("src/rpch")
TESTS = Path("tests/unit")


def is_empty(module: Path) -> bool:
    """Whether a module only documents, imports and names: then there is nothing to test."""
    for node in ast.parse(module.read_text("utf-8")).body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
            case _:
                return False
    return True


def mirror_of(module: Path) -> Path:
    """Where the tests of a module live. A package's own code is tested by `test_init.py`."""
    place = module.relative_to(SOURCE)
    return TESTS / place.with_name(f"test_{module.stem.strip('_')}.py")


def findings(modules: list[Path], tests: list[Path]) -> list[str]:
    """What breaks the mirror, one sentence each."""
    expected = {mirror_of(module): module for module in modules}
    present = set(tests)
    missing = [
        f"{module} has no test file: expected {test}"
        for test, module in expected.items()
        if test not in present and not is_empty(module)
    ]
    strays = [f"{test} mirrors no module" for test in tests if test not in expected]
    return sorted(missing + strays)


def main() -> int:
    """Prints what breaks the mirror; the exit status says whether anything does."""
    found = findings(sorted(SOURCE.rglob("*.py")), sorted(TESTS.rglob("test_*.py")))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

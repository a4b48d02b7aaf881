"""Checks that modules and functions stay small enough to read in one sitting.

A module ends by line 500 and a function has at most 60 lines. Where one must be longer, a comment says why:
`def decode(...):  # long: one table, read from top to bottom`, and for a module a line of its own.
A test file is as long as the tests of its one module are.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("src", "tests", "benchmarks", "tools")
TESTS = Path("tests")
MODULE_LINES = 500
FUNCTION_LINES = 60
REASON = "# long: "


def oversized(module: Path) -> Iterator[str]:
    """What in a module is too long and gives no reason, one sentence each."""
    text = module.read_text("utf-8")
    lines = text.splitlines()
    if (
        len(lines) > MODULE_LINES
        and TESTS not in module.parents
        and not any(line.startswith(REASON) for line in lines)
    ):
        yield f"{module} has {len(lines)} lines, more than {MODULE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        size = (node.end_lineno or node.lineno) - node.lineno + 1
        if size > FUNCTION_LINES and REASON not in lines[node.lineno - 1]:
            yield f"{module}:{node.lineno} {node.name} has {size} lines, more than {FUNCTION_LINES}"


def main() -> int:
    """Prints what is too long; the exit status says whether anything is."""
    modules = sorted(path for folder in FOLDERS for path in Path(folder).rglob("*.py"))
    found = [line for module in modules for line in oversized(module)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

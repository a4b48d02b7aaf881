"""What `docs/howto/client.md` tells people to write is what there is."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rpch import connect
from rpch.client.client import RpcClient

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "client.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
IMPORTS = re.findall(r"`from (rpch[\w.]*) import ([\w, ]+)`", PAGE)
CALLS: dict[str, Callable[..., object]] = {
    "connect": connect,
    "call": RpcClient.call,
    "as_user": RpcClient.as_user,
}


def calls_in(block: str) -> list[ast.Call]:
    tree = compile(block, "client.md", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_is_python_and_knows_its_parameters(block: str) -> None:
    for call in calls_in(block):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if (known := CALLS.get(name)) is not None:
            named = {keyword.arg for keyword in call.keywords}
            assert named <= set(inspect.signature(known).parameters), name


@pytest.mark.parametrize(("module", "names"), IMPORTS)
def test_every_import_is_there(module: str, names: str) -> None:
    found = importlib.import_module(module)
    assert all(hasattr(found, name.strip()) for name in names.split(","))


def test_the_page_has_examples_and_imports() -> None:
    assert len(BLOCKS) > 8
    assert len(IMPORTS) > 4

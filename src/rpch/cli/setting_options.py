"""Options of commands that take settings, made from the declarations of the settings themselves.

Every setting with a plain value, or a list of them, is an option of the same name; one of a table is written
with a dot: `--limits.max-channels`. What has no plain value, such as each user's targets, is for the file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
import typer

from rpch.cli.configuration import NESTED
from rpch.proxy.settings import section_of

_PLAIN: Final = (str, bool, int, float, Path)
GIVEN: Final = "given"


def takes_settings(kind: type[msgspec.Struct]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command whose parameter `given` gets what options say of these settings, by parameter name."""
    made = list(_options(kind))
    names = [parameter.name for parameter in made]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        kept = [parameter for name, parameter in own.parameters.items() if name != GIVEN]

        def run(**values: Any) -> None:
            command(given={name: values.pop(name) for name in names}, **values)

        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*kept, *made)]
        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer looks at
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _options(kind: type[msgspec.Struct], table: str = "", panel: str = "") -> Iterator[inspect.Parameter]:
    for field, hint in get_type_hints(kind, include_extras=True).items():
        if field not in kind.__struct_fields__:
            continue
        plain, meta = _taken_apart(hint)
        section = panel or section_of(meta)
        if inspect.isclass(plain) and issubclass(plain, msgspec.Struct):
            yield from _options(plain, f"{table}{field}{NESTED}", section)
        elif (accepted := _accepted(plain)) is not None:
            yield _option(f"{table}{field}", accepted, meta, section)


def _option(parameter: str, accepted: Any, meta: msgspec.Meta, panel: str) -> inspect.Parameter:
    name = parameter.replace(NESTED, ".").replace("_", "-")
    opposite = name.removeprefix("no-") if name.startswith("no-") else f"no-{name}"
    written = f"--{name}/--{opposite}" if accepted is bool else f"--{name}"
    option = typer.Option(written, help=meta.description, rich_help_panel=panel, show_default=False)
    annotation = Annotated[accepted | None, option]
    return inspect.Parameter(parameter, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _accepted(plain: Any) -> Any | None:
    """What an option takes for a setting of this type; None for what only the file can say."""
    if plain in _PLAIN:
        return plain
    if get_origin(plain) is list and get_args(plain)[0] in _PLAIN:
        return plain
    return None


def _taken_apart(hint: Any) -> tuple[Any, msgspec.Meta]:
    """The type without its None, where it is plain, and what is said about it."""
    meta = msgspec.Meta()
    if get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        meta = next((each for each in more if isinstance(each, msgspec.Meta)), meta)
    if get_origin(hint) in (Union, UnionType):
        present = [each for each in get_args(hint) if each is not NoneType]
        plain = len(present) == 1 and _accepted(present[0]) is not None
        return (present[0] if plain else hint), meta
    return hint, meta

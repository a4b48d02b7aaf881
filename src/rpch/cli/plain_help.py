"""Help for commands whose options have long names: columns would cut them off, lines of their own do not."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class PlainHelp(TyperCommand):
    """A command that tells of its options as plain text, under the headings that they have."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **{**given, "rich_markup_mode": None})

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Each heading with its options."""
        found: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
                found.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for heading, records in found.items():
            with formatter.section(heading):
                formatter.write_dl(records)

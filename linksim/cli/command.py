"""What all commands share: grouped options, names in help and completion, examples, and errors that name the value."""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from linksim.errors import LinksimError, unknown

NUMBERS = {int: "a whole number", float: "a number", Path: "a path"}


class Interrupted(Exception):
    """Ctrl-C, with a sentence about what is kept."""


@contextmanager
def keeping(kept: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C into ``Interrupted`` that says what ``kept`` returns at that moment."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(kept()) from None


class Command(TyperCommand):
    """A command whose help has its options under headings, in the order of the function, and ends with examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each heading (``rich_help_panel``) of arguments and options."""
        for heading, records in sections(self, ctx).items():
            column = min(max(len(name) for name, _ in records), 26) + 4
            formatter.write(f"\n{heading}:\n")
            for name, meaning in records:
                fits = len(name) + 4 <= column
                text = textwrap.fill(
                    f"{f'  {name}':<{column}}{meaning}" if fits else f"{'':<{column}}{meaning}",
                    formatter.width,
                    subsequent_indent=" " * column,
                    break_on_hyphens=False,
                    drop_whitespace=True,
                )
                formatter.write(f"{text}\n" if fits else f"  {name}\n{text}\n")

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, a command line each, as they are."""
        with formatter.section("Examples"):
            for line in (self.epilog or "").splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line; a LinksimError names a value of the wrong type and what it must be."""
        try:
            rest = super().parse_args(ctx, list(args))
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            for name, value in given.items():
                if value == "" and isinstance(ctx.params.get(name), Path):  # it would be the current folder
                    raise LinksimError(f"--{name.replace('_', '-')} '': must be a path")
            return rest
        except typer.BadParameter as error:
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            wanted = NUMBERS.get(error.param.type_descriptor.annotation) if error.param is not None else None
            if error.param is None or wanted is None or error.param.name not in given:  # the last: it is missing
                raise
            name = error.param.opts[0] if error.param.param_type_name == "option" else error.param.name.upper()
            raise LinksimError(f"{name} {given[error.param.name]!r}: must be {wanted}") from None


def sections(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:
    """(name, meaning) of each parameter in the help, by heading."""
    found: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            default = "Arguments" if parameter.param_type_name == "argument" else "Help"
            heading = parameter.rich_help_panel or default
            found.setdefault(heading, []).append((record[0], _completed(record[1], parameter, context)))
    return found


def _completed(text: str, parameter: Any, context: Any) -> str:
    """A help text with the names that completion lists in place of ``{names}``, and defaults without parentheses."""
    if "{names}" in text:
        text = text.replace("{names}", ", ".join(item.value for item in parameter.shell_complete(context, "")))
    return re.sub(r"\[default: \((.*)\)\]", r"[default: \1]", text)


def option(heading: str, text: str, *flags: str, default: str | None = None, **names: Any) -> Any:
    """``typer.Option`` under a heading of the help.

    Args:
        heading: of the help.
        text: what the option means; ``{names}`` stands for the names that completion lists.
        flags: instead of the parameter's name.
        default: what the help says of the default, where that is not the value.
        names: see ``one_of`` and ``some_of``.
    """
    return typer.Option(*flags, help=text, show_default=default or True, rich_help_panel=heading, **names)


def one_of(kind: str, names: Callable[[], Iterable[str]]) -> dict[str, Any]:
    """Arguments of ``option`` for one name of a closed set: completed, and refused if it is another.

    Args:
        kind: what the names are of, for the message.
        names: gives the names; called when they are needed, so that help of other commands imports nothing.
    """

    def check(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
        if value is not None and value != parameter.default and value not in names():
            raise unknown(kind, value, names())
        return value

    return {"callback": check, **some_of(names)}


def some_of(names: Callable[[], Iterable[str]]) -> dict[str, Any]:
    """Arguments of ``option`` for a value that may be one of these names or something else."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return {"autocompletion": complete}


def check_range(option: str, value: int, low: int, high: int) -> None:
    """Raise a LinksimError unless a whole number lies from ``low`` to ``high``."""
    if not low <= value <= high:
        raise LinksimError(f"{option} {value}: must be a whole number from {low} to {high}")


def listed(*constants: str) -> Callable[[], list[str]]:
    """The names in constants of other modules, each given as ``module:NAME`` and imported when they are needed."""

    def names() -> list[str]:
        found = (constant.split(":") for constant in constants)
        return [name for module, constant in found for name in getattr(importlib.import_module(module), constant)]

    return names


def registered(*groups: str) -> Callable[[], list[str]]:
    """The names registered in these groups."""

    def names() -> list[str]:
        from linksim import registry

        return [name for group in groups for name in registry.names(group)]

    return names

"""The ``linksim`` command: one module of this package per sub-command, imported only when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence

import typer

from linksim.errors import LinksimError, one_line, unknown

COMMANDS = (
    "compare",
    "ber",
    "encode",
    "decode",
    "plot",
    "methods",
    "datasets",
    "report",
    "run",
    "reproduce",
    "train",
    "train-task",
)
USAGE_ERROR = 2
INTERRUPTED = 130


def build(wanted: Sequence[str] = COMMANDS) -> typer.Typer:
    """The application with these sub-commands; each module holds one function of the command's name."""
    app = typer.Typer(
        help="Compare learned wireless image links with separate source and channel coding.",
        add_completion=len(wanted) > 1,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)
    for name in wanted:
        function = name.replace("-", "_")
        module = importlib.import_module(f"linksim.cli.{function}")
        app.command(name)(getattr(module, function))
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 some method failed, 2 a request that cannot be carried out."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run a command line; its exit code."""
    first = arguments[0] if arguments else "--help"
    try:
        if first not in COMMANDS and not first.startswith("-"):
            raise unknown("command", first, COMMANDS)
        app = build((first,) if first in COMMANDS else COMMANDS)
        code = app(arguments or [first], standalone_mode=False, prog_name="linksim")
        return code if isinstance(code, int) else 0
    except LinksimError as error:
        return _say(error)
    except typer.TyperException as error:
        return _say(error.format_message() if hasattr(error, "format_message") else error)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output has gone, which is its right
            sys.stderr.close()
            return 0
        return _say(f"{error.filename}: {error.strerror}" if error.filename else error)
    except (KeyboardInterrupt, typer.Abort):
        print("linksim: interrupted; what is finished is kept, run again to go on", file=sys.stderr)
        return INTERRUPTED


def _say(error: object) -> int:
    print(f"linksim: {one_line(error)}", file=sys.stderr)
    return USAGE_ERROR

"""The ``linksim`` command: one module of this package per sub-command, imported only when it is asked for."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from linksim.cli.command import Command, Interrupted
from linksim.cli.streams import lost_output, make_patient
from linksim.errors import LinksimError, one_line, unknown

COMMANDS = (
    "compare",
    "ber",
    "encode",
    "decode",
    "plot",
    "methods",
    "channels",
    "datasets",
    "report",
    "summarise",
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
        epilog="'linksim COMMAND --help' explains a command and ends with examples of it.",
        add_completion=len(wanted) > 1,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_global_options)
    for name in wanted:
        function = name.replace("-", "_")
        module = importlib.import_module(f"linksim.cli.{function}")
        app.command(name, cls=Command, epilog="\n".join(module.EXAMPLES))(getattr(module, function))
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import entry_points

        ours = next(iter(entry_points(group="linksim.links", name="original"))).dist
        print(f"linksim {ours.version if ours else 'of unknown version'}")
        raise typer.Exit


def _global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit with the code of ``run``, or 2 where standard output could not be written.

    SIGTERM, by which batch systems end a job, does what Ctrl-C does.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    make_patient()
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    error = lost_output()
    if error is not None:
        code = max(code, _say(f"standard output: {error.strerror}; results in files are complete"))
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a command line.

    Returns:
        0 done, 1 some method failed, 2 a request that cannot be carried out, 130 interrupted.
    """
    first = arguments[0] if arguments else "--help"
    try:
        if first not in COMMANDS and not first.startswith("-"):
            raise unknown("command", first, COMMANDS)
        app = build((first,) if first in COMMANDS else COMMANDS)
        code = app(arguments or [first], standalone_mode=False, prog_name="linksim")
        if code == INTERRUPTED:  # typer's own answer to Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except LinksimError as error:
        return _say(error)
    except typer.TyperException as error:
        return _say(error.format_message() if hasattr(error, "format_message") else error)
    except OSError as error:
        return _say(f"{error.filename}: {error.strerror}" if error.filename else error)
    except Interrupted as error:
        return _say(f"interrupted; {error}", INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", INTERRUPTED)


def _say(error: object, code: int = USAGE_ERROR) -> int:
    print(f"linksim: {one_line(error)}", file=sys.stderr)
    return code

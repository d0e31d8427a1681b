"""The reference of the command line from the commands themselves: docs/reference/cli.md.

python tools/document_cli.py [--out docs/reference/cli.md]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import typer.main

from linksim.cli.command import sections
from linksim.cli.main import COMMANDS, build

HEAD = """\
# Commands

Each command shows this with `--help`; `linksim --version` prints the version, and `linksim --install-completion` makes
the shell complete options and names.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | some method failed; the others are done |
| 2 | the request, or one of several files, cannot be carried out; a line on standard error says why |
| 130 | interrupted (Ctrl-C or SIGTERM); a line on standard error says what is kept |

Results are written before they are printed. A closed pipe or a full disk behind standard output therefore loses no
result, and characters that a terminal lacks are written in ASCII.

<!-- Made by tools/document_cli.py: change the commands, not this page. -->
"""


def reference() -> str:
    """The whole page in Markdown."""
    group: Any = typer.main.get_command(build())
    with group.make_context("linksim", [], resilient_parsing=True) as parent:
        return HEAD + "".join(_section(name, group.commands[name], parent) for name in COMMANDS)


def _section(name: str, command: Any, parent: Any) -> str:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    lines = ["", f"## {name}", "", *(f"{paragraph}\n" for paragraph in _paragraphs(command.help))]
    for heading, records in sections(command, context).items():
        if heading != "Help":
            lines += [f"| {heading} | |", "| --- | --- |", *(_row(*record) for record in records), ""]
    return "\n".join([*lines, "Examples:", "", *(f"    {line}" for line in command.epilog.splitlines()), ""])


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()).replace("[", r"\[") for paragraph in text.split("\n\n")]


def _row(name: str, meaning: str) -> str:
    return f"| `{name}` | {' '.join(meaning.split())} |".replace("*", r"\*")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/reference/cli.md"))
    parser.parse_args().out.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

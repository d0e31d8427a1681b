"""The reference of the command line from the commands themselves: docs/reference/cli.md.

python tools/document_cli.py [--out docs/reference/cli.md]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import typer.main

from linksim.cli.main import COMMANDS, build

HEAD = """\
# Commands

Every command answers `--help`, too. Exit codes: 0 done, 1 some method failed (the others are done), 2 a request that
cannot be carried out, said in one line, 130 interrupted.

<!-- Made by tools/document_cli.py: change the commands, not this page. -->
"""


def reference() -> str:
    """The whole page in Markdown."""
    commands: Any = typer.main.get_command(build())
    return HEAD + "".join(_section(name, commands.commands[name]) for name in COMMANDS)


def _section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join(["linksim", name, *(_placeholder(p) for p in arguments), "[OPTIONS]"])
    lines = [f"## {name}", "", " ".join(command.help.split()), "", f"    {usage}", "", "| option | default | meaning |"]
    lines += ["| --- | --- | --- |", *(_row(p, _placeholder(p)) for p in arguments)]
    lines += [_row(p, ", ".join(p.opts + p.secondary_opts)) for p in options]
    return "\n" + "\n".join(lines) + "\n"


def _placeholder(parameter: Any) -> str:
    text = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return text if parameter.required else f"[{text}]"


def _row(parameter: Any, names: str) -> str:
    default = parameter.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    if parameter.required:
        shown = "required"
    else:
        shown = "" if default in (None, "") else f"`{default}`"
    meaning = (parameter.help or "").replace("|", r"\|").replace("*", r"\*")
    return f"| `{names}` | {shown} | {meaning} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/reference/cli.md"))
    parser.parse_args().out.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()

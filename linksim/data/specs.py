r"""What ``--dataset`` means: the grammar of a data set's name, apart from opening it.

    NAME[/SPLIT]             an embedded set: photos, stamps10/val
    [LOADER:]PATH[#SPLIT]    a folder: path/to/images, voc:path/to/VOCdevkit#val
    PACKAGE.MODULE:CLASS     a data set in Python

A path in double quotes may hold any character. In quotes, ``#`` starts no split, ``\"`` and ``\\`` are a quote and a
backslash, and ``\xff`` is a byte. So ``"photos"``, like ``./photos``, is a folder of that name.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from linksim import plugins
from linksim.data.base import Dataset
from linksim.data.detect import guess
from linksim.errors import LinksimError, as_text, unknown

GROUP = "linksim.datasets"


@dataclass(frozen=True)
class DatasetSpec:
    """A data set by name. ``str`` writes it such that ``parse`` reads the same again.

    loader: a registered name, "package.module:Class", or '' to tell it by what the folder holds. path: the folder, ''
    for a set that needs none. split: '' for the loader's default.
    """

    loader: str = ""
    path: str = ""
    split: str = ""

    def __str__(self) -> str:
        if not self.path:
            return f"{self.loader}/{self.split}" if self.split else self.loader
        before, after = self.loader and f"{self.loader}:", self.split and f"#{self.split}"
        plain = f"{before}{self.path}{after}"
        try:
            if plain.isprintable() and parse(plain) == self:
                return plain
        except LinksimError:  # reads as something else, so it needs its quotes
            pass
        return f"{before}{_quote(self.path)}{after}"


def parse(text: str) -> DatasetSpec:
    """Read a data set's name without looking at any file.

    Raises:
        LinksimError: If it names nothing, or a quote is not closed.
    """
    head = re.split("[/#]", text, maxsplit=1)
    if _is_embedded(head[0]):
        return DatasetSpec(head[0], split="".join(head[1:]))
    loader, colon, rest = text.partition(":")
    if not colon or loader not in plugins.names(GROUP):
        if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
            return DatasetSpec(text)
        loader, rest = "", text
    elif _is_embedded(loader):
        raise LinksimError(f"data set {as_text(text)!r}: {loader} is embedded and takes no folder; write {loader}")
    path, _, split = rest.partition("#")
    if rest.startswith('"'):
        quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"(?:#(.*))?', rest, re.DOTALL)
        if quoted is None:
            raise LinksimError(f'data set {as_text(text)!r}: write a path in quotes as "PATH" or "PATH"#SPLIT')
        path, split = _unquote(quoted[1]), quoted[2] or ""
    if not path or "\0" in path:
        raise LinksimError(f"data set {as_text(text)!r}: names no folder")
    return DatasetSpec(loader, path, split)


def parse_several(text: str) -> list[DatasetSpec]:
    """Data sets between commas; a comma within quotes is part of a path."""
    return [parse(name) for name in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|")+', text, re.DOTALL)]


def open_dataset(spec: str | DatasetSpec) -> Dataset:
    """Open the data set of a name.

    Returns:
        The data set; its notes tell which of two meanings was taken, where there are two.

    Raises:
        LinksimError: If there is none: names what is known, or how to write what was probably meant.
    """
    text = as_text(str(spec))
    spec = parse(spec) if isinstance(spec, str) else spec
    if ":" in spec.loader:
        return _from_python(spec.loader)
    if not spec.path:
        made = _made(spec.loader, (), spec.split)
        if Path(text).exists():
            folder = DatasetSpec(path=f"./{text}")
            made.remarks = (f"The embedded data set {text} is used; for the folder, write --dataset {folder}.",)
        return made
    if not os.path.exists(spec.path):
        raise _absent(spec, text)
    return _made(spec.loader or guess(Path(spec.path)), (Path(spec.path),), spec.split)


def _is_embedded(name: str) -> bool:
    return name in plugins.names(GROUP) and getattr(plugins.load(GROUP, name), "embedded", False)


def _made(name: str, arguments: tuple[Any, ...], split: str) -> Dataset:
    cls = plugins.load(GROUP, name)
    splits = getattr(cls, "splits", ())
    if split and split not in splits:
        raise LinksimError(f"data set {name!r} has no split {split!r}; it has {', '.join(splits) or 'none'}")
    return cast("Dataset", cls(*arguments, split=split) if split else cls(*arguments))


def _from_python(name: str) -> Dataset:
    try:
        made = plugins.load_object(name, "data set")()
    except LinksimError as error:
        module, _, rest = name.partition(":")
        if os.path.exists(rest):
            raise unknown("loader of data sets", module, plugins.names(GROUP)) from error
        hint = f"; for the folder, write ./{name}" if Path(name).exists() else ""
        raise LinksimError(f"{error}{hint}") from error
    if not isinstance(made, Dataset):
        raise LinksimError(f"data set {name!r}: must give a linksim.data.base.Dataset, not {type(made).__name__}")
    return made


def _absent(spec: DatasetSpec, text: str) -> LinksimError:
    """Why there is no such folder, and what was probably meant."""
    loader, colon, rest = text.partition(":")
    whole = DatasetSpec(spec.loader, f"{spec.path}#{spec.split}")
    if spec.split and os.path.exists(whole.path):
        return LinksimError(f"data set {text!r}: no such folder: {as_text(spec.path)}; write {str(whole)!r} in quotes")
    if colon and not spec.loader and os.path.exists(rest.partition("#")[0]):
        return unknown("loader of data sets", loader, plugins.names(GROUP))
    if not colon and "/" not in text and not text.startswith((".", '"')):
        return unknown("data set", text, [*plugins.names(GROUP), "a folder of images"])
    return LinksimError(f"data set {text!r}: no such folder: {as_text(spec.path)}")


def _quote(path: str) -> str:
    text = as_text(path.replace("\\", "\\\\").replace('"', '\\"'))
    printable = (c if c.isprintable() else "".join(f"\\x{byte:02x}" for byte in c.encode()) for c in text)
    return f'"{"".join(printable)}"'


def _unquote(text: str) -> str:
    def meant(escape: re.Match[bytes]) -> bytes:
        return bytes([int(escape[1][1:], 16)]) if len(escape[1]) == 3 else escape[1]

    return os.fsdecode(re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", meant, os.fsencode(text), flags=re.DOTALL))

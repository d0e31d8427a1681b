"""Names to things: links, source codecs, channel codes, channels, tasks and data sets.

Every name comes from an entry point, ours included (``setup.cfg``), so another package adds its own in the same
way; the lists that users see are read from here. ``package.module:Class`` works wherever a name does.
"""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from linksim.errors import LinksimError, unknown
from linksim.link import Link, LinkOptions, Method

if TYPE_CHECKING:
    from baselines.fec.base import ChannelCode
    from baselines.source.base import SourceCodec
    from linksim.channels.base import Channel
    from linksim.data.base import Dataset
    from linksim.tasks.base import Task

GROUPS = {
    "linksim.links": "link",
    "linksim.sources": "source codec",
    "linksim.fec": "channel code",
    "linksim.channels": "channel",
    "linksim.tasks": "task",
    "linksim.datasets": "data set",
}


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def names(group: str) -> list[str]:
    """Registered names of a group such as ``linksim.links``, sorted."""
    return sorted(_entries(group))


def load(group: str, name: str) -> Any:
    """The object registered under a name, or at ``package.module:Object``; a LinksimError that lists the names."""
    entry = _entries(group).get(name)
    if entry is None:
        if ":" not in name:
            raise unknown(GROUPS[group], name, names(group))
        return load_object(name, GROUPS[group])
    try:
        return entry.load()
    except Exception as error:  # whatever another package does when it is imported
        why = f"{type(error).__name__}: {error}"
        raise LinksimError(f"{GROUPS[group]} {name!r} cannot be loaded from {entry.value!r}: {why}") from error


def load_object(path: str, kind: str) -> Any:
    """Import ``package.module:Object``, looking in the current folder too."""
    import sys

    module_name, _, attribute = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever somebody's module does when it is imported
        why = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise LinksimError(f"{kind} {path!r}: cannot import module {module_name!r}: {why}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        public = ", ".join(n for n in vars(module) if not n.startswith("_")) or "nothing"
        raise LinksimError(f"{kind} {path!r}: {module_name!r} has no {attribute!r}; it has {public}") from None


def describe(group: str, name: str) -> str:
    """What is registered under a name, in a line: what it says of itself by ``about(name)``, or the first line of its
    documentation."""
    thing = load(group, name)
    if hasattr(thing, "about"):
        return str(thing.about(name))
    return (getattr(thing, "description", "") or inspect.getdoc(thing) or "").split("\n")[0]


def link(text: str, options: LinkOptions) -> Link:
    """The link for a method string such as ``bpg``, ``webp+ldpc-1/2+qpsk``, ``sdjscc@5dB``, ``my.module:Class``."""
    method = Method.parse(text)
    links, sources = _entries("linksim.links"), _entries("linksim.sources")
    if method.head in sources:
        made = load("linksim.links", "separate").from_method(method, options)
    elif method.head in links and method.head != "separate":
        made = load("linksim.links", method.head).from_method(method, options)
    elif ":" in text and not method.parts and not method.at:
        made = _foreign_link(text, options)
    else:
        raise unknown("method", method.head, {*links, *sources} - {"separate"})
    made.name = text
    return cast(Link, made)


def _foreign_link(path: str, options: LinkOptions) -> Link:
    """An instance of somebody's class; it is given those of our options that its constructor names."""
    cls = load_object(path, "method")
    if not callable(cls):
        raise LinksimError(f"method {path!r}: not a class or function, but {type(cls).__name__}")
    offered = {"budget": options.budget, "device": options.device, "options": options}
    wanted = inspect.signature(cls).parameters
    made = cls(**{k: v for k, v in offered.items() if k in wanted})
    if not isinstance(made, Link):
        raise LinksimError(f"method {path!r}: must give a linksim.Link, but gives {type(made).__name__}")
    return made


def codec(name: str) -> SourceCodec:
    """The source codec of this name (``jpeg``, ``webp``, ``bpg``)."""
    return cast("SourceCodec", load("linksim.sources", name)())


def is_code(spec: str) -> bool:
    """Whether a method's part names a channel code."""
    return _code_name(spec) is not None


def _code_name(spec: str) -> str | None:
    fits = [n for n in _entries("linksim.fec") if spec == n or spec.startswith((f"{n}-", f"{n}:"))]
    return max(fits, key=len, default=None)


def code(spec: str) -> ChannelCode:
    """The channel code of a spec such as ``ldpc-3/4``, ``ldpc-648-1/2``, ``nr-ldpc-2/3``, ``alist:PATH``."""
    name = _code_name(spec)
    if name is None:
        raise unknown("channel code", spec, names("linksim.fec"))
    return cast("ChannelCode", load("linksim.fec", name).from_spec(spec))


def channel(name: str) -> Channel:
    """The channel of a spec such as ``awgn`` or ``tdl-c-300ns@30kmh+ls`` (see ``linksim.channels.grammar``)."""
    from linksim.channels.grammar import make_channel

    return make_channel(name)


def task(spec: str, device: str = "cpu") -> Task:
    """The task of this name, at ``package.module:function``, or in a model file."""
    from linksim.tasks.load import load_task

    return load_task(spec, device)


def dataset(spec: str) -> Dataset:
    """The data set of a spec: ``stamps10``, ``stamps10/test-seen``, a folder, ``voc:PATH``, ``stl10:PATH#train``.

    An embedded set takes its split after a slash; a set on disk is ``[LOADER:]PATH[#SPLIT]``, the loader guessed from
    the folder where none is named.
    """
    from linksim.data.specs import open_dataset

    return open_dataset(spec)

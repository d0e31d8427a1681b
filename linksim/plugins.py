"""What packages register: names to links, codecs, channel codes, channels, tasks and data sets.

Every name comes from an entry point, ours included (``setup.cfg``), so another package adds its own in the same
way; the lists that users see are read from here. ``package.module:Class`` works wherever a name does.
"""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from linksim.errors import LinksimError, unknown

GROUPS = {
    "linksim.links": "link",
    "linksim.sources": "source codec",
    "linksim.fec": "channel code",
    "linksim.channels": "channel",
    "linksim.tasks": "task",
    "linksim.datasets": "data set",
    "linksim.metrics": "metric",
}


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    """Entry points by name; of two with one name that which is first on the path, as for modules."""
    return {entry.name: entry for entry in reversed(tuple(entry_points(group=group)))}


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

"""Names to things: the links, codecs, codes, channels, tasks and data sets that specs name."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, cast

from linksim.channels.base import Channel
from linksim.channels.grammar import make_channel
from linksim.data.base import Dataset
from linksim.data.specs import open_dataset
from linksim.errors import LinksimError, unknown
from linksim.link import Link, LinkOptions, Method
from linksim.plugins import GROUPS, describe, load, load_object, names
from linksim.tasks.base import Task
from linksim.tasks.load import load_task

if TYPE_CHECKING:
    from baselines.fec.base import ChannelCode
    from baselines.source.base import SourceCodec

__all__ = [
    "GROUPS",
    "channel",
    "code",
    "codec",
    "dataset",
    "describe",
    "is_code",
    "link",
    "load",
    "load_object",
    "names",
    "task",
]


def link(text: str, options: LinkOptions) -> Link:
    """The link for a method string such as ``bpg``, ``webp+ldpc-1/2+qpsk``, ``sdjscc@5dB``, ``my.module:Class``."""
    method = Method.parse(text)
    links, sources = names("linksim.links"), names("linksim.sources")
    if method.head in sources:
        made = load("linksim.links", "separate")(method, options)
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
    fits = [n for n in names("linksim.fec") if spec == n or spec.startswith((f"{n}-", f"{n}:"))]
    return max(fits, key=len, default=None)


def code(spec: str) -> ChannelCode:
    """The channel code of a spec such as ``ldpc-3/4``, ``ldpc-648-1/2``, ``nr-ldpc-2/3``, ``alist:PATH``."""
    name = _code_name(spec)
    if name is None:
        raise unknown("channel code", spec, names("linksim.fec"))
    return cast("ChannelCode", load("linksim.fec", name).from_spec(spec))


def channel(name: str) -> Channel:
    """The channel of a spec such as ``awgn`` or ``tdl-c-300ns@30kmh+ls`` (see ``linksim.channels.grammar``)."""
    return make_channel(name)


def task(spec: str, device: str = "cpu") -> Task:
    """The task of this name, at ``package.module:function``, or in a model file."""
    return load_task(spec, device)


def dataset(spec: str) -> Dataset:
    """The data set of a spec: ``stamps10``, ``stamps10/test-seen``, a folder, ``voc:PATH``, ``stl10:PATH#train``.

    An embedded set takes its split after a slash; a set on disk is ``[LOADER:]PATH[#SPLIT]``, the loader guessed from
    the folder where none is named.
    """
    return open_dataset(spec)

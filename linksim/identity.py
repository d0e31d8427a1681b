"""What determines a component's results, in JSON, so that stored rows are found again exactly as long as they hold.

A component is identified by the name and the version that it declares, by every argument of its constructor, and by
the versions of the libraries that it names. Weights, arrays and files count by their content. Where a class is not
linksim's own, the hash of its source file stands for its version, unless it declares one. The path of a module plays no
part: files can move.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import inspect
import json
import math
import sys
from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, ClassVar

import numpy as np

OWN_PACKAGES = ("linksim", "baselines", "jscc")
"""Their classes declare a version, which is raised when results change; their files may change without that."""
UNKNOWN = "unknown"
"""Key of what cannot be identified; its value says what that is."""


class Identified:
    """Base class of links, codecs, codes, channels, tasks and data sets.

    identity_name: what stored rows call the component; the class's name by default. version: raise it when results
    change. libraries: distributions whose version determines results. not_identifying: constructor arguments that do
    not, such as ``device``.
    """

    identity_name: ClassVar[str] = ""
    version: ClassVar[int | str] = ""
    libraries: ClassVar[tuple[str, ...]] = ()
    not_identifying: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made.__dict__["_arguments"] = _arguments(cls, args, kwargs)
        return made

    def identity(self) -> dict[str, Any]:
        """What determines the component's results.

        Returns:
            A JSON-able dictionary. Override it to add to ``super().identity()``, never to leave something out.
        """
        found: dict[str, Any] = {"name": self.identity_name or type(self).__qualname__}
        if self.version != "":
            found["version"] = self.version
        found |= _source(type(self))
        arguments = {k: v for k, v in vars(self)["_arguments"].items() if k not in self.not_identifying}
        if arguments:
            found["arguments"] = describe(arguments)
        if not _is_own(type(self)) and (state := _numerical_state(self)):  # others' code keeps weights where it likes
            found["state"] = state
        if self.libraries:
            found["libraries"] = {name: package_version(name) for name in self.libraries}
        return found


def _arguments(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Constructor arguments by name, defaults included. Unpickling gives none, and restores what was there."""
    if cls.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    try:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        bound = signature.bind_partial(None, *args, **kwargs)
    except TypeError:  # the constructor itself will say what is wrong with them
        return {}
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1:])


def describe(value: Any) -> Any:
    """A value as JSON, equal for equal content, whatever object holds it.

    Args:
        value: numbers, text, containers, paths (files count by their content), arrays, torch tensors and modules,
            functions, classes, dataclasses, components, or objects made of these.

    Returns:
        JSON-able data. What cannot be read is ``{"unknown": ...}`` (see ``unknowns``).
    """
    return _describe(value, ())


def _describe(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else repr(value)
    if isinstance(value, Fraction | Decimal | complex):
        return str(value)
    if id(value) in above:
        return "itself"
    above = (*above, id(value))
    if isinstance(value, Path):
        return {"file": file_hash(value)} if value.is_file() else {"path": str(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": sha256(bytes(value))}
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, np.ndarray):
        return _array(value)
    if not isinstance(value, type) and callable(getattr(value, "identity", None)):
        return value.identity()
    if isinstance(value, Mapping):
        return {str(key): _describe(item, above) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((_describe(item, above) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {"type": type(value).__name__, **_describe(value._asdict(), above)}
    if isinstance(value, list | tuple | range):
        return [_describe(item, above) for item in value]
    torch = sys.modules.get("torch")
    if torch and isinstance(value, torch.Tensor):
        whole = value.detach().cpu().contiguous()
        return _array((whole.view(torch.int16) if whole.dtype == torch.bfloat16 else whole).numpy())
    if torch and isinstance(value, torch.nn.Module):
        return _module(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: _describe(getattr(value, part.name), above) for part in fields(value)}
        return {"type": type(value).__name__, **parts}
    if isinstance(value, FunctionType):
        code, cells = value.__code__, value.__closure__ or ()
        given = [value.__defaults__, value.__kwdefaults__, [cell.cell_contents for cell in cells]]
        told = {"line": code.co_firstlineno, "bytes": sha256(code.co_code), "given": _describe(given, above)}
        return {"code": value.__qualname__, **told, **_source(value)}
    if isinstance(value, MethodType):
        return {"method": _describe(value.__func__, above), "of": _describe(value.__self__, above)}
    if isinstance(value, type | BuiltinFunctionType | ModuleType):
        return {"code": getattr(value, "__qualname__", str(value)), **_source(value)}
    if isinstance(value, functools.partial):
        return {"partial": _describe([value.func, value.args, value.keywords], above)}
    state = getattr(value, "__dict__", None)
    if state is None:
        return {UNKNOWN: f"a {type(value).__qualname__}"}
    return {"type": type(value).__qualname__, **_source(type(value)), "state": _describe(state, above)}


def _array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype == object:
        return [describe(item) for item in array.ravel().tolist()]
    content = sha256(np.ascontiguousarray(array).tobytes())
    return {"array": content, "shape": list(array.shape), "dtype": str(array.dtype)}


def _module(module: Any) -> dict[str, Any]:
    """A torch module: its structure, its weights and buffers, and the code of its classes that are not torch's."""
    kinds = sorted({type(part) for part in module.modules()}, key=lambda kind: kind.__qualname__)
    weights = {name: describe(tensor) for name, tensor in module.state_dict().items()}
    found = {"module": sha256(repr(module).encode()), "weights": digest(weights)}
    code = [source for kind in kinds if (source := _source(kind))]
    return found | ({"code": code} if code else {})


def _numerical_state(component: Identified) -> dict[str, Any]:
    """Arrays, tensors and networks among the attributes of a component that is not ours, lists of them included."""
    torch = sys.modules.get("torch")
    kinds = (np.ndarray, *((torch.Tensor, torch.nn.Module) if torch else ()))

    def holds(item: Any) -> bool:
        if isinstance(item, Mapping):
            item = list(item.values())
        return isinstance(item, kinds) or (isinstance(item, list | tuple) and any(map(holds, item)))

    names = sorted(vars(component).keys() - {"_arguments"})
    return {name: describe(vars(component)[name]) for name in names if holds(vars(component)[name])}


def _is_own(kind: type) -> bool:
    return kind.__module__.split(".")[0] in OWN_PACKAGES


def _source(thing: Any) -> dict[str, Any]:
    """The hash of the file that code comes from; nothing for our own and for libraries' code, whose versions count."""
    own = getattr(thing, "__dict__", {}).get("version", "") if isinstance(thing, type) else ""
    if own != "":
        return {}
    kinds = [kind for kind in thing.__mro__ if kind is not object] if isinstance(thing, type) else [thing]
    found: dict[str, Any] = {}
    for kind in kinds:
        if (getattr(kind, "__module__", None) or "").split(".")[0] in _VERSIONED_CODE:
            continue
        text = _source_text(kind)
        if text is None:
            return {UNKNOWN: f"the code of {getattr(thing, '__qualname__', thing)}"}
        found.setdefault("source", []).append(sha256(text))
    return found


_LIBRARIES = ("torch", "numpy", "scipy", "pandas", "sklearn", "PIL", "onnxruntime", "keras", "tensorflow")
_VERSIONED_CODE = (sys.stdlib_module_names - {"__main__"}) | {*OWN_PACKAGES, *_LIBRARIES}


def _source_text(thing: Any) -> bytes | None:
    """The file that defines a class or function, or, in a notebook, its own lines; None where neither can be read."""
    try:
        path = inspect.getsourcefile(thing)
        if path and Path(path).is_file():
            return Path(path).read_bytes()
        return inspect.getsource(thing).encode()
    except (OSError, TypeError):
        return None


def unknowns(identity: Any) -> Iterator[str]:
    """What an identity could not tell, in words."""
    if isinstance(identity, Mapping):
        if UNKNOWN in identity:
            yield str(identity[UNKNOWN])
        for item in identity.values():
            yield from unknowns(item)
    elif isinstance(identity, list | tuple):
        for item in identity:
            yield from unknowns(item)


def package_version(name: str) -> str:
    """Installed version of a distribution, or 'absent'."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def sha256(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's content, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(thing: Any) -> str:
    """SHA-256 (hex) of a JSON-able thing, independent of the order of its keys."""
    return sha256(json.dumps(thing, sort_keys=True, allow_nan=True).encode())

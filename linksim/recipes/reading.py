"""Recipe files: YAML that says what a paper's figure or table compares.

    title: What is compared
    shows: What the paper found in it.
    methods: [bpg, {method: sdjscc, checkpoint: "sdjscc-{bpp}bpp-5dB", paper: {acc: {5: 0.8}}}]
    snr: 0:20
    bpp: 0.25

``KEYS``, ``METHOD_KEYS``, ``GAIN_KEYS`` and ``QUICK_KEYS`` list all that may be said; ``Recipe`` says what it
means. An unknown key or a wrong value is a LinksimError of one line that names it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from linksim.errors import LinksimError, failed, unknown
from linksim.files import parse_yaml
from linksim.grid import check_snr, parse_budgets, parse_snr
from linksim.link import Budget
from linksim.recipes.recipe import Changes, Entry, Gain, Recipe
from linksim.scoring.metrics import known, metric

Check = Callable[[Any], Any]
MAX_BYTES = 1 << 20
FOLDER = files("linksim.recipes")


def shipped_names() -> list[str]:
    """Names of the recipes that come with the package."""
    return sorted(path.name.removesuffix(".yaml") for path in FOLDER.iterdir() if path.name.endswith(".yaml"))


def shipped(name: str) -> Recipe:
    """The recipe of this name that comes with the package."""
    if name not in shipped_names():
        raise unknown("experiment", name, [*shipped_names(), "all"])
    with as_file(FOLDER / f"{name}.yaml") as path:
        return load(path)


def load(path: Path) -> Recipe:
    """The recipe in a file, named as the file is; a LinksimError of one line if it is none."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        return parse(data, path.stem)
    except OSError as error:
        raise failed(f"recipe {str(path)!r} cannot be read", error) from error
    except LinksimError as error:
        raise LinksimError(f"recipe {str(path)!r}: {error}") from error


def parse(data: bytes, name: str) -> Recipe:
    """The recipe in the bytes of a file."""
    if len(data) > MAX_BYTES:
        raise LinksimError(f"more than {MAX_BYTES} bytes")
    found = parse_yaml(data)
    fields = _table(found, KEYS, ("title", "methods", "snr"))
    fields["snr_db"] = fields.pop("snr")
    budgets = _budgets(fields)
    if not budgets:
        raise LinksimError("bpp or cbr is missing")
    recipe = Recipe(name=name, budgets=budgets, **fields)
    _check_points(recipe)
    try:
        recipe.changed(Changes(quick=True))
    except LinksimError as error:
        raise LinksimError(f"quick: {error}") from error
    return recipe


def _check_points(recipe: Recipe) -> None:
    """A number of the paper's at an SNR that is not compared would be left out without a word."""
    said = [(f"gains: item {i}", gain.snr_db) for i, gain in enumerate(recipe.gains, 1)]
    for i, entry in enumerate(recipe.methods, 1):
        by_snr = {metric: value for metric, value in entry.paper.items() if isinstance(value, Mapping)}
        said += [(f"methods: item {i}: paper: {metric}", snr) for metric, value in by_snr.items() for snr in value]
    for key, snr_db in said:
        if snr_db not in recipe.snr_db:
            points = ", ".join(f"{point:g}" for point in recipe.snr_db)
            raise LinksimError(f"{key}: {snr_db:g} dB must be one of the SNRs {reprlib.repr(points)[1:-1]}")


def _table(value: Any, checks: Mapping[str, Check], needed: tuple[str, ...] = ()) -> dict[str, Any]:
    """The checked values of a table with these keys."""
    if not isinstance(value, dict):
        raise LinksimError(f"{reprlib.repr(value)} must be a table of {', '.join(checks)}")
    for key in value:
        if key not in checks:
            raise unknown("key", key if isinstance(key, str) and key.isprintable() else reprlib.repr(key), checks)
    for key in needed:
        if key not in value:
            raise LinksimError(f"{key} is missing")
    return {key: _under(key, check, value[key]) for key, check in checks.items() if key in value}


def _under(key: object, check: Check, value: Any) -> Any:
    """The checked value, or its error with the key before it."""
    try:
        return check(value)
    except LinksimError as error:
        raise LinksimError(f"{key}: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise LinksimError(f"{reprlib.repr(value)} must be a text")
    return " ".join(value.split())


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise LinksimError(f"{reprlib.repr(value)} must be a number")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise LinksimError(f"{reprlib.repr(value)} must be a whole number, not negative")
    return value


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise LinksimError(f"{reprlib.repr(value)} must be one of {', '.join(choices)}")
        return str(value)

    return check


def _list_of(check: Check) -> Check:
    def checked(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise LinksimError(f"{reprlib.repr(value)} must be a list")
        return tuple(_under(f"item {i}", check, item) for i, item in enumerate(value, 1))

    return checked


def _snr(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        return parse_snr(value)
    return check_snr([_number(item) for item in (value if isinstance(value, list) else [value])])


def _budgets_of(kind: str) -> Check:
    def check(value: Any) -> tuple[Budget, ...]:
        if isinstance(value, str):
            return parse_budgets(kind, value)
        return tuple(Budget(kind, _number(item)) for item in (value if isinstance(value, list) else [value]))

    return check


def _budgets(fields: dict[str, Any]) -> tuple[Budget, ...]:
    """Takes the budgets out of checked fields."""
    if {"bpp", "cbr"} <= set(fields):
        raise LinksimError("bpp and cbr: give one of them, the other follows")
    return tuple(budget for kind in ("bpp", "cbr") for budget in fields.pop(kind, ()))


def _entry(value: Any) -> Entry:
    return Entry(**_table({"method": value} if isinstance(value, str) else value, METHOD_KEYS, ("method",)))


def _published(value: Any) -> float | dict[float, float]:
    if not isinstance(value, dict):
        return _number(value)
    return {_under("SNR", _number, snr_db): _under("number", _number, number) for snr_db, number in value.items()}


def _quick(value: Any) -> dict[str, Any]:
    fields = _table(value, QUICK_KEYS)
    if "snr" in fields:
        fields["snr_db"] = fields.pop("snr")
    budgets = _budgets(fields)
    return fields | ({"budgets": budgets} if budgets else {})


def _metric(value: Any) -> str:
    return _one_of(*(found.column for found in known()))(value)


def _requested(value: Any) -> str:
    """The name of a metric, which those that are checked later may then use by its column."""
    metric(_text(value))
    return _text(value)


def _of_metrics(value: Any) -> dict[str, Any]:
    """A paper's numbers by metric."""
    return _table(value, {found.column: _published for found in known()})


METHOD_KEYS: dict[str, Check] = {
    "method": _text,
    "checkpoint": _text,
    "at": _number,
    "paper": _of_metrics,
}
GAIN_KEYS: dict[str, Check] = {"of": _text, "over": _text, "snr_db": _number, "metric": _metric, "paper": _number}
QUICK_KEYS: dict[str, Check] = {
    "snr": _snr,
    "bpp": _budgets_of("bpp"),
    "cbr": _budgets_of("cbr"),
    "limit": _whole,
    "trials": _whole,
    "gallery": _whole,
}
KEYS: dict[str, Check] = {
    "title": _text,
    "metrics": _list_of(_requested),  # before the keys that name metrics
    "shows": _text,
    "methods": _list_of(_entry),
    "dataset": _text,
    "task": _text,
    "channel": _text,
    "seed": _whole,
    "over_budget": _one_of("outage", "nearest"),
    "baseline": _text,
    "x": _text,
    "figures": _list_of(_metric),
    "paper_data": _text,
    "data_differs": _list_of(_text),
    "task_differs": _list_of(_text),
    "differs": _list_of(_text),
    "gains": _list_of(lambda value: Gain(**_table(value, GAIN_KEYS, tuple(GAIN_KEYS)))),
    "quick": _quick,
    **QUICK_KEYS,
}

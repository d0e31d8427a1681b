"""Options of the OFDM channels, the same in a spec (``tdl-c-300ns@30kmh+pilots=2+ls``) and in a YAML file.

The one table ``OPTIONS`` is what specs, files, error messages and ``linksim channels`` read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from linksim.channels.amplifier import Amplifier, Clipping, Rapp
from linksim.channels.estimation import ESTIMATORS
from linksim.channels.multipath import Multipath
from linksim.channels.ofdm import EQUALISERS, OFDM
from linksim.channels.resource_grid import PILOT_SYMBOLS, ResourceGrid
from linksim.errors import LinksimError, unknown

LIGHT_SPEED = 299_792_458.0
CARRIER_HZ = 3.5e9
SPEEDS = {"kmh": 1 / 3.6, "ms": 1.0}
"""Units of a speed, in m/s."""
Settings = dict[str, Any]
Reader = Callable[[Any, str], Settings]
"""Turns an option's value and name into settings."""


def _number(value: Any, what: str, unit: str) -> float:
    found = re.fullmatch(rf"(-?\d+(?:\.\d+)?)(?:{unit})?", str(value).strip(), re.IGNORECASE)
    if not found:
        raise LinksimError(f"{what} {value!r}: must be a number such as 3{unit}")
    return float(found[1])


def _whole(value: Any, what: str) -> int:
    if not re.fullmatch(r"\d+", str(value).strip()):
        raise LinksimError(f"{what} {value!r}: must be a whole number of at least 0")
    return int(value)


def _wholes(value: Any, what: str) -> tuple[int, ...]:
    parts = value if isinstance(value, list) else str(value).split("/")
    return tuple(_whole(part, what) for part in parts)


def _count(setting: str) -> Reader:
    return lambda value, name: {setting: _whole(value, name)}


def _quantity(setting: str, unit: str, scale: float) -> Reader:
    return lambda value, name: {setting: scale * _number(value, name, unit)}


def _amplifier(kind: Callable[[float], Amplifier]) -> Reader:
    return lambda value, name: {"amplifier": kind(_number(value, name, "dB"))}


def _choice(known: Iterable[str]) -> Reader:
    def read(value: Any, name: str) -> Settings:
        if value not in known:
            raise unknown(name, str(value), known)
        return {name: value}

    return read


def _pilots(value: Any, name: str) -> Settings:
    count = _whole(value, name)
    if count >= len(PILOT_SYMBOLS):
        raise LinksimError(f"pilots {count}: must be 0 to {len(PILOT_SYMBOLS) - 1}; name others with pilot-symbols=0/7")
    return {"pilot_symbols": PILOT_SYMBOLS[count]}


def _guards(value: Any, name: str) -> Settings:
    found = _wholes(value, name)
    if len(found) != 2:
        raise LinksimError(f"guards {value!r}: must be two numbers, lower and upper, such as 4/3")
    return {"guards": found}


def _switch(value: Any, name: str) -> Settings:
    if str(value).lower() not in ("yes", "no", "true", "false"):
        raise LinksimError(f"{name} {value!r}: must be yes or no")
    return {name: str(value).lower() in ("yes", "true")}


@dataclass(frozen=True)
class Option:
    """form: how it is written. about: one line."""

    form: str
    about: str
    read: Reader


OPTIONS: dict[str, Option] = {
    "estimator": Option("perfect, ls, lmmse", "what the receiver knows of the channel", _choice(ESTIMATORS)),
    "equaliser": Option("zf, mmse", "y/H, or the biased estimate of least mean squared error", _choice(EQUALISERS)),
    "pilots": Option("pilots=2", "OFDM symbols of a slot that hold pilots, 0 to 4, placed as in 5G NR", _pilots),
    "pilot-symbols": Option("pilot-symbols=2/11", "which they are", lambda v, n: {"pilot_symbols": _wholes(v, n)}),
    "comb": Option("comb=2", "of these, every second subcarrier is a pilot", _count("comb")),
    "subcarriers": Option("subcarriers=128", "size of the FFT", _count("subcarriers")),
    "spacing": Option("spacing=30kHz", "between subcarriers", _quantity("spacing_hz", "kHz", 1e3)),
    "slot": Option("slot=14", "OFDM symbols of a slot", _count("symbols")),
    "prefix": Option("prefix=9", "samples of the cyclic prefix", _count("prefix")),
    "guards": Option("guards=4/3", "empty subcarriers at the lower and upper edge", _guards),
    "dc": Option("dc=yes", "leave the centre subcarrier empty", _switch),
    "carrier": Option("carrier=3.5GHz", "turns a speed into a Doppler shift", _quantity("carrier_hz", "GHz", 1e9)),
    "clip": Option("clip=3dB", "clip amplitudes this far above the RMS one; else never", _amplifier(Clipping)),
    "rapp": Option("rapp=6dB", "Rapp's amplifier (p = 2), saturated there; else linear", _amplifier(Rapp)),
}


def read(options: Mapping[str, Any]) -> Settings:
    """Settings of options by name; a LinksimError that lists the names for an unknown one."""
    found: Settings = {}
    for name, value in options.items():
        if name not in OPTIONS:
            raise unknown("channel option", name, OPTIONS)
        found |= OPTIONS[name].read(value, name)
    return found


def read_words(words: list[str]) -> Settings:
    """Settings of the words after each plus of a spec; an estimator or equaliser is named by itself."""
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            kinds: dict[str, Iterable[str]] = {"estimator": ESTIMATORS, "equaliser": EQUALISERS}
            kind = next((kind for kind, names in kinds.items() if word in names), None)
            if kind is None:
                raise unknown("channel option", word, [*ESTIMATORS, *EQUALISERS, *(f"{n}=" for n in OPTIONS)])
            name, value = kind, word
        if name in options:
            raise LinksimError(f"channel option {word!r}: a second {name}")
        options[name] = value
    return read(options)


def read_motion(text: str) -> Settings:
    """Settings of what follows the @ of a spec: ``30kmh``, ``8ms`` or ``100hz``, the largest Doppler shift."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(kmh|ms|hz)", text.lower())
    if not found:
        raise LinksimError(f"motion {text!r}: must be a speed such as 30kmh or 8ms, or a Doppler shift such as 100hz")
    size = float(found[1])
    return {"doppler_hz": size} if found[2] == "hz" else {"speed": size * SPEEDS[found[2]]}


def build(make: Callable[[float], Multipath], settings: Settings) -> OFDM:
    """The channel of a multipath profile (made for a Doppler shift in Hz) with settings."""
    rest = dict(settings)
    moving = rest.pop("speed", 0.0) * rest.pop("carrier_hz", CARRIER_HZ) / LIGHT_SPEED
    multipath = make(rest.pop("doppler_hz", moving))
    receiver = {name: rest.pop(name) for name in ("estimator", "equaliser", "amplifier") if name in rest}
    return OFDM(multipath, ResourceGrid(**rest), **receiver)

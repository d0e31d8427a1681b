"""Channels by spec: ``awgn``, ``rician-K=5dB-fast``, ``tdl-c-300ns@30kmh+pilots=2+ls``, or a YAML file.

NAME[@SPEED or DOPPLER][+OPTION...]
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np

from linksim import plugins
from linksim.channels import profiles, settings
from linksim.channels.base import Channel
from linksim.channels.multipath import Multipath, TappedDelayLine
from linksim.errors import LinksimError, failed, unknown
from linksim.files import parse_yaml

GROUP = "linksim.channels"
TAP_KEYS = ("delays_ns", "powers_db", "k_db")
FILE_KEYS = ("about", "channel", "motion", *TAP_KEYS, *settings.OPTIONS)


def make_channel(spec: str) -> Channel:
    """The channel of a spec.

    Args:
        spec: a registered name with what it takes, the name of a preset, a path to a YAML file, or
            ``package.module:Class``.

    Returns:
        The channel, whose ``name`` is the spec.

    Raises:
        LinksimError: the spec is none of these; the message lists what there is.
    """
    text = spec.strip()
    try:
        made = _make(text)
    except LinksimError as error:
        raise error if text in str(error) else LinksimError(f"channel {text!r}: {error}") from None
    made.name = text
    return made


def _make(text: str) -> Channel:
    if text.lower().endswith((".yaml", ".yml")):
        return from_file(Path(text), [])
    name = re.split(r"[@+]", text)[0].lower()
    if name in presets():
        return from_file(presets()[name], _words(text)[2])
    fits = [known for known in plugins.names(GROUP) if name == known or name.startswith(f"{known}-")]
    if fits:
        known = max(fits, key=len)
        maker = plugins.load(GROUP, known)
        if hasattr(maker, "from_spec"):
            return cast(Channel, maker.from_spec(text))
        if name != text.lower() or name != known:
            raise LinksimError(f"channel {text!r}: {known!r} takes no options")
        return cast(Channel, maker())
    if ":" in text:
        return cast(Channel, plugins.load_object(text, "channel")())
    raise unknown("channel", text, [*plugins.names(GROUP), *presets(), "a YAML file", "package.module:Class"])


def _words(text: str) -> tuple[str, str, list[str]]:
    """Name, motion and options of a spec in lower case."""
    before, *options = text.lower().split("+")
    name, _, motion = before.partition("@")
    return name, motion, options


class Profile:
    """Maker of the OFDM channels of a delay profile: ``ofdm``, ``tdl-...``, ``cdl-...``."""

    @staticmethod
    def from_spec(spec: str) -> Channel:
        """OFDM over the profile that the spec names."""
        name, motion, options = _words(spec)
        found = settings.read_words(options) | (settings.read_motion(motion) if motion else {})
        return settings.build(_profile(name), found)

    @staticmethod
    def about(name: str) -> str:
        """One line for ``linksim channels``."""
        scaled = [model for model in profiles.models("TDL") if len(model) == 1]
        fixed = [model for model in profiles.models("TDL") if len(model) > 1]
        return {
            "ofdm": "OFDM over AWGN: what pilots, prefix, guards and an amplifier cost without fading",
            "tdl": f"tdl-c-300ns: OFDM over TDL {', '.join(scaled)} of TR 38.901 with this RMS delay spread; "
            f"tdl-c300: over {', '.join(fixed)} of TS 38.101-4",
            "cdl": "cdl-c-300ns: OFDM over CDL a to e of TR 38.901, one vertical antenna at each end",
        }[name]


def _profile(name: str) -> Callable[[float], Multipath]:
    """The maker of a profile by its name; it takes the Doppler shift in Hz."""
    if name == "ofdm":
        return partial(TappedDelayLine, (0.0,), (0.0,), 1.0)
    found = re.fullmatch(r"(tdl|cdl)-([a-z]+\d*)(?:-(\d+(?:\.\d+)?)ns)?", name)
    if not found:
        raise LinksimError(f"channel {name!r}: the form is tdl-c-300ns, cdl-c-300ns or, with fixed delays, tdl-c300")
    make: Callable[..., Multipath] = {"tdl": profiles.tdl, "cdl": profiles.cdl}[found[1]]
    return partial(make, found[2], float(found[3]) if found[3] else None)


def presets() -> dict[str, Path]:
    """Channels that published code defines, as files of the package, by name."""
    folder = cast(Path, files("linksim.channels") / "presets")
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def contents(path: Path) -> dict[str, Any]:
    """A channel's YAML file, its keys checked."""
    try:
        found = parse_yaml(path.read_bytes())
    except (OSError, LinksimError) as error:
        raise failed(f"channel {str(path)!r}: cannot be read", error) from None
    if not isinstance(found, dict):
        raise LinksimError(f"channel {str(path)!r}: must hold keys such as {', '.join(FILE_KEYS[:4])}")
    for key in found:
        if key not in FILE_KEYS:
            raise unknown(f"channel {str(path)!r}: key", str(key), FILE_KEYS)
    return found


def from_file(path: Path, words: list[str]) -> Channel:
    """The OFDM channel of a YAML file, with a spec's further options."""
    keys = contents(path)
    name, motion, options = _words(str(keys.pop("channel", "")))
    motion = str(keys.pop("motion", motion))
    taps = {key: keys.pop(key) for key in TAP_KEYS if key in keys}
    keys.pop("about", None)
    if bool(name) == bool(taps):
        raise LinksimError(f"channel {str(path)!r}: must have either channel, or delays_ns and powers_db")
    found = settings.read_words(options) | settings.read(keys) | (settings.read_motion(motion) if motion else {})
    return settings.build(_own_taps(taps) if taps else _profile(name), found | settings.read_words(words))


def _own_taps(taps: dict[str, Any]) -> Callable[[float], Multipath]:
    """Taps in nanoseconds and dB; k_db: power of a line of sight with the first over all that is scattered."""
    try:
        delays = tuple(float(delay) * profiles.NS for delay in taps["delays_ns"])
        powers = 10 ** (np.array(taps["powers_db"], float) / 10)
        sight = 1 - 1 / (1 + 10 ** (float(taps["k_db"]) / 10)) if "k_db" in taps else 0.0
    except (KeyError, TypeError, ValueError):
        raise LinksimError("delays_ns and powers_db must be lists of numbers, k_db a number") from None
    scattered = powers / powers.sum() * (1 - sight)
    return partial(TappedDelayLine, delays, tuple(scattered.tolist()), sight)

"""One self-contained HTML file: template, style, scripts, data and pictures; nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

SCRIPTS = ("model.js", "marks.js", "chart.js", "viewer.js", "table.js", "main.js")


def render(title: str, data: dict[str, Any], pictures: Sequence[str]) -> str:
    """The page. data: JSON-able, read by ``assets/model.js``. pictures: base64 of WebP files, by number."""
    style = _read("vendor/uPlot.min.css") + "\n" + _read("assets/style.css")
    chart = _read("vendor/uPlot.iife.min.js")
    script = '"use strict";\n' + "\n".join(_read(f"assets/{name}") for name in SCRIPTS)
    parts = {
        "policy": policy(style, [chart, script]),
        "title": html.escape(title),
        "style": style,
        "data": embedded(data),
        "pictures": embedded(list(pictures)),
        "chart": chart,
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read("assets/page.html"))


def embedded(thing: Any) -> str:
    """JSON that may stand inside a script element: no ``<``, so nothing in it can end the element."""
    return json.dumps(thing, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")


def policy(style: str, scripts: Sequence[str]) -> str:
    """The content security policy: no network; no style and no script but those of the page itself, by their hash."""
    allowed = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return files("linksim.output.report").joinpath(*name.split("/")).read_text(encoding="utf-8")

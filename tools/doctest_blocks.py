"""For the site: doctests in docstrings become code blocks (an extension of Griffe, named in mkdocs.yml)."""

from __future__ import annotations

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.M)
"""From a prompt to the next blank line, as the doctest module reads it."""


class DoctestBlocks(griffe.Extension):
    """Fences every doctest before a docstring is rendered as Markdown."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)

"""The README says what the committed results say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_table_of_the_readme_follows_from_the_results() -> None:
    spec = importlib.util.spec_from_file_location("update_readme", ROOT / "tools" / "update_readme.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = (ROOT / "README.md").read_text()
    assert tool.filled(text) == text
    assert len(tool.BLOCK.findall(text)) == text.count("<!-- end -->") > 0


def test_every_file_that_the_readme_shows_is_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", (ROOT / "README.md").read_text()):
        target = link[0] or link[1]
        assert target.startswith("http") or (ROOT / target).exists(), target

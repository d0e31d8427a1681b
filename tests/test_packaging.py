"""What an index gets: every file, the right name and licences, and no requirement without a use."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from linksim.errors import DISTRIBUTION

ROOT = Path(__file__).parent.parent
PACKAGES = ("linksim", "baselines", "jscc")


@pytest.fixture(scope="module")
def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def tracked(*folders: str) -> list[str]:
    """Files that git has, and that are in the working tree."""
    found = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in found.stdout.split("\0") if name and (ROOT / name).exists()]


def requirements(text: str) -> list[str]:
    """Names of distributions in a setup.cfg list, normalised."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [re.split(r"[<>=\[;]", line)[0].strip().lower().replace("_", "-") for line in lines if line]


def test_the_wheel_holds_every_tracked_file_of_the_packages() -> None:
    script = """
from setuptools.dist import Distribution
distribution = Distribution({"script_name": "setup.py"})
distribution.parse_config_files()
build = distribution.get_command_obj("build_py")
build.ensure_finalized()
print("\\n".join(name.removeprefix(build.build_lib + "/") for name in build.get_outputs(include_bytecode=False)))
"""
    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked(*PACKAGES)) <= set(shown.stdout.split())


def test_a_clone_stays_small() -> None:
    """Most of it is embedded photographs and trained networks; a network goes in as its difference from another."""
    assert sum((ROOT / name).stat().st_size for name in tracked()) < 66_000_000


def test_the_name_that_messages_give_is_the_distribution(setup: configparser.ConfigParser) -> None:
    assert setup["metadata"]["name"] == DISTRIBUTION
    extras = set(setup["options.extras_require"])
    for name in tracked(*PACKAGES, "docs", "README.md", "benchmarks", "notebooks", "examples", "setup.cfg"):
        if name.endswith((".py", ".md", ".cfg", ".ipynb")):
            text = (ROOT / name).read_text()
            assert "linksim[" not in text.replace(f"{DISTRIBUTION}[", ""), name
            for found in re.findall(rf"{DISTRIBUTION}\[([a-z,]+)\]", text):
                assert set(found.split(",")) <= extras, f"{name}: {found}"


def test_the_licence_expression_names_every_licence_of_the_data(setup: configparser.ConfigParser) -> None:
    named = set(setup["metadata"]["license_expression"].split(" AND "))
    manifest = json.loads((ROOT / "linksim/data/assets/manifest.json").read_text())
    licences = set(re.findall(r'"licen[cs]e": "([^"]+)"', json.dumps(manifest)))
    assert licences
    assert {"LicenseRef-Public-Domain" if name == "public domain" else name for name in licences} < named
    texts = [name for name in tracked(*PACKAGES) if re.search(r"(LICENSE|GPL-)", name)]
    assert set(texts) <= set(setup["metadata"]["license_files"].split())


def test_requirements_are_what_the_packages_import(setup: configparser.ConfigParser) -> None:
    source = "\n".join((ROOT / name).read_text() for name in tracked(*PACKAGES) if name.endswith(".py"))
    modules = set(re.findall(r"^ *(?:import|from) (\w+)", source, re.MULTILINE))
    modules |= set(re.findall(r'find_spec\("(\w+)"\)', source))  # for the files inside
    owners = {
        module: {d.lower().replace("_", "-") for d in found} for module, found in packages_distributions().items()
    }
    # llvmlite is a part of numba
    needed = {module: owners[module] for module in modules - {*PACKAGES, "llvmlite"} if module in owners}
    required = set(requirements(setup["options"]["install_requires"]))
    optional = {r for text in setup["options.extras_require"].values() for r in requirements(text)}
    assert required <= set().union(*needed.values()), "required without a use"
    missing = {module: found for module, found in needed.items() if not found & (required | optional)}
    assert not missing, "imported without a requirement"


def test_every_requirement_has_a_tested_version(setup: configparser.ConfigParser) -> None:
    pinned = requirements((ROOT / "constraints.txt").read_text())
    extras = [r for text in setup["options.extras_require"].values() for r in requirements(text)]
    needed = set(requirements(setup["options"]["install_requires"]) + extras)
    # pyldpc is pinned in the Makefile, which builds it; tensorboard comes with tensorflow
    assert needed - {setup["metadata"]["name"], "pyldpc", "tensorboard"} <= set(pinned)


def test_a_command_starts_without_the_heavy_packages() -> None:
    script = "import sys, linksim.cli.main; print([m for m in ('torch', 'sionna', 'pandas') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"

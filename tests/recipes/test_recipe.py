"""Recipes: what a file may say, what a wrong one is answered, and what carrying one out leaves behind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from linksim import recipes, registry
from linksim.cli.main import build
from linksim.engine.pools import Pool
from linksim.errors import LinksimError
from linksim.link import Budget, Method
from linksim.recipes import Changes, Recipe, load
from linksim.recipes.reading import GAIN_KEYS, KEYS, METHOD_KEYS, QUICK_KEYS, parse

SMALL = """
title: A small comparison
shows: Analog links are graceful.
methods:
  - original
  - {method: "foreign:Analog", paper: {psnr: {10: 21.5, 20: 30}, ssim: 0.5}}
  - {method: "trained:Trained", checkpoint: "trained-{bpp}bpp-*dB"}
dataset: foreign:Plasma
task: foreign:Warmth
snr: 0:20:10
bpp: 1.5
baseline: foreign:Analog
figures: [acc, psnr]
paper_data: holiday pictures
data_differs: [Plasma is no holiday.]
task_differs: [It is warm or cold here.]
differs: [The sea is missing.]
gains: [{of: original, over: "foreign:Analog", snr_db: 0, metric: ssim, paper: 0.25}]
quick: {snr: 20, limit: 2}
"""


def small(**changes: Any) -> Recipe:
    """The small recipe with some of its keys replaced (None: taken away)."""
    fields = yaml.safe_load(SMALL.replace("snr: 0:20:10", "snr: '0:20:10'")) | changes
    return parse(yaml.safe_dump({k: v for k, v in fields.items() if v is not None}).encode(), "small")


def carry_out(recipe: Recipe, folder: Path, changes: Changes | None = None, figures: bool = False) -> Any:
    return recipes.reproduce(
        recipe, changes or Changes(), folder, Pool(), command="linksim run small.yaml", figures=figures
    )


def linksim(command: str, *words: str) -> int:
    """Exit code of a command line; an error of the user's is raised."""
    code: int = build((command,))([command, *words], standalone_mode=False)
    return code


def test_the_shipped_recipes_are_whole() -> None:
    paper = ["fig4", "fig5", "fig6", "fig7", "fig8", "table1", "table2"]
    assert set(recipes.shipped_names()) == {*paper, "multipath", "ofdm-yang2021"}
    heads = {*registry.names("linksim.links"), *registry.names("linksim.sources")}
    for name in recipes.shipped_names():
        recipe = recipes.shipped(name)
        assert recipe.name == name
        assert recipe.shows
        if name in paper:
            assert recipe.differs
            assert recipe.data_differs
        assert recipe.quick["limit"] <= 60
        assert {Method.parse(entry.method).head for entry in recipe.methods} <= heads
        for entry in recipe.methods:
            assert bool(entry.checkpoint) == ("jscc" in entry.method)
        quick = recipe.changed(Changes(quick=True))
        assert quick.budgets == recipe.budgets
        assert set(quick.snr_db) <= set(recipe.snr_db)


def test_the_quick_forms_are_quick() -> None:
    """A delivery with its prediction took at most 0.1 s of a core, so 15 minutes of two cores are 18,000."""
    deliveries = 0
    for name in recipes.shipped_names():
        quick = recipes.shipped(name).changed(Changes(quick=True))
        weight = 8 if quick.dataset == "scenes" else 1
        weight *= len(quick.experiment().channels)
        deliveries += weight * len(quick.methods) * len(quick.budgets) * len(quick.snr_db) * (quick.limit or 10**6)
    assert deliveries < 9000


def test_the_papers_numbers_say_what_its_text_says() -> None:
    """Its text has the differences: in table I 10.94 points to deep JSCC and 2.59 to BPG; in table II BPG wins."""
    table1 = {
        entry.method.removesuffix("@20dB"): entry.published("acc", 20) for entry in recipes.shipped("table1").methods
    }
    assert table1["sdjscc"] - table1["deepjscc"] == pytest.approx(0.1094)
    assert table1["sdjscc"] - table1["bpg"] == pytest.approx(0.0259)
    table2 = {entry.method: entry for entry in recipes.shipped("table2").methods}
    assert table2["bpg"].published("map", 20) - table2["sdjscc"].published("map", 20) == pytest.approx(0.735 - 0.6834)
    assert pd.isna(table2["bpg"].published("map", 5))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "None must be a table of title"),
        ("[1, 2]", "must be a table of title"),
        ("{", "not YAML"),
        (
            "title: x\n\tbpp: 1",
            "not YAML: found character '\\t' that cannot start any token (line 2, column 1)",
        ),
        ("\0", "not YAML"),
        ("title: !!python/object/apply:os.system [id]", "not YAML: could not determine a constructor"),
        ("title: !!timestamp x", "not YAML"),
        ("title: a\ntitle: b", 'duplicate key "title"'),
        ("{title: a, methods: [bpg], bpp: 1}", "snr is missing"),
        ("{methods: [bpg], snr: 5, bpp: 1}", "title is missing"),
        ("{title: a, methods: [bpg], snr: 5}", "bpp or cbr is missing"),
        ("{title: a, methods: [bpg], snr: 5, bpp: 1, cbr: 1}", "bpp and cbr: give one"),
        ("{title: a, methods: [bpg], snr: 5, bpp: 1, quick: {cbr: 1, bpp: 1}}", "quick: bpp and cbr: give one"),
        ("{titel: a}", "unknown key 'titel' (did you mean 'title'?)"),
        ("{3: a}", "unknown key '3'"),
        ("{? [a] : b}", "unknown key"),
    ],
)
def test_a_wrong_file_gets_one_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(LinksimError, match=r"^recipe .*mine\.yaml': ") as error:
        load(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"title": 3}, "title: 3 must be a text"),
        ({"methods": "bpg"}, "methods: 'bpg' must be a list"),
        ({"methods": []}, "no method given"),
        ({"methods": ["bpg", "bpg"]}, "'bpg' is given twice"),
        ({"methods": [{"methd": "bpg"}]}, "methods: item 1: unknown key 'methd' (did you mean 'method'?)"),
        ({"methods": [{"at": 3}]}, "item 1: method is missing"),
        ({"methods": [{"method": "bpg", "at": "x"}]}, "at: 'x' must be a number"),
        ({"methods": [{"method": "bpg", "paper": {"acuracy": 1}}]}, "paper: unknown key 'acuracy'"),
        ({"methods": [{"method": "bpg", "paper": {"acc": {"x": 1}}}]}, "acc: SNR: 'x' must be a number"),
        ({"methods": [{"method": "bpg", "paper": {"acc": True}}]}, "acc: True must be a number"),
        ({"snr": "warm"}, "snr: SNR 'warm'"),
        ({"snr": [1, "x"]}, "snr: 'x' must be a number"),
        ({"snr": 1e9}, "snr: SNR 1e+09 dB"),
        ({"bpp": -1}, "bpp: budget bpp -1"),
        ({"bpp": "much"}, "bpp: bpp 'much'"),
        ({"bpp": None, "cbr": [0.1, None]}, "cbr: None must be a number"),
        ({"limit": 0}, "limit 0"),
        ({"limit": 2.5}, "limit: 2.5 must be a whole number"),
        ({"trials": 0}, "trials 0"),
        ({"trials": True}, "trials: True must be a whole number"),
        ({"over_budget": "x"}, "over_budget: 'x' must be one of outage, nearest"),
        ({"baseline": "webp"}, "baseline: 'webp' must be one of the methods original, "),
        ({"gains": [{"of": "bpg"}]}, "gains: item 1: over is missing"),
        (
            {"gains": [{"of": "bpg", "over": "original", "snr_db": 1, "metric": "acc", "paper": 1}]},
            "gains: 'bpg' must be one of the methods",
        ),
        ({"figures": ["acuracy"]}, "figures: item 1: 'acuracy' must be one of acc"),
        ({"x": "tau"}, "x: 'tau' must be snr_db, budget, or the label"),
        ({"methods": [{"method": "bpg", "at": 1}], "baseline": None, "gains": None}, "'bpg' has 'at'"),
        ({"quick": {"title": "x"}}, "quick: unknown key 'title'"),
        ({"quick": {"limit": 0}}, "quick: limit 0: must be at least 1"),
        (
            {"methods": [{"method": "bpg", "paper": {"acc": {7: 1}}}], "baseline": None, "gains": None},
            "acc: 7 dB must be",
        ),
        (
            {"gains": [{"of": "original", "over": "original", "snr_db": 7, "metric": "acc", "paper": 1}]},
            "gains: item 1: 7 dB must be one of the SNRs 0, 10, 20",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(LinksimError, match=re.escape(says)):
        small(**changes)


def test_plain_scalars_mean_what_they_look_like() -> None:
    """YAML 1.1 would read 0:20 as the number 20 in base 60 and no as false."""
    recipe = parse(b"{title: no, methods: [bpg], snr: 0:20, bpp: 0.25}", "r")
    assert recipe.snr_db == tuple(map(float, range(21)))
    assert recipe.title == "no"


def test_files_made_to_hurt_are_refused(tmp_path: Path) -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    for text in (laughs, "&a [*a]", "[" * 3_000, "title: " + "9" * 10_000, "a" * (1 << 20) + "a"):
        path = tmp_path / "bad.yaml"
        path.write_text(text)
        with pytest.raises(LinksimError) as error:
            load(path)
        assert len(str(error.value)) < 2000
    for path in (tmp_path, tmp_path / "absent.yaml"):
        with pytest.raises(LinksimError, match="cannot be read"):
            load(path)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["bpg", "0:20"])
)
keys = st.sampled_from([*KEYS, *METHOD_KEYS, *GAIN_KEYS, *QUICK_KEYS, "acc"]) | scalars
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


def expect_a_recipe_or_one_line(data: bytes) -> None:
    try:
        said = parse(data, "fuzz").title
    except LinksimError as error:
        said = str(error)
    assert len(said.splitlines()) == 1


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_recipe_or_one_line(data: bytes) -> None:
    expect_a_recipe_or_one_line(data)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(list(KEYS)), values, min_size=1, max_size=3))
def test_any_values_are_a_recipe_or_one_line(fields: dict[str, Any]) -> None:
    valid = {"title": "t", "methods": ["bpg", "webp"], "snr": 5, "bpp": 1}
    expect_a_recipe_or_one_line(yaml.safe_dump(valid | fields).encode())


def test_what_carrying_out_a_recipe_leaves(tmp_path: Path) -> None:
    found = carry_out(small(), tmp_path / "one", figures=True)
    assert found.missing == ()
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names >= {"README.md", "paper.csv", "gains.csv", "differences.csv", "acc.png", "psnr.pdf", "table.tex"}
    readme = (tmp_path / "one" / "README.md").read_text()
    for said in (
        "    linksim run small.yaml\n",
        "    linksim compare --methods original,",
        "Plasma is no holiday.",
        "It is warm or cold here.",
        "The sea is missing.",
        "6 images of plasma",
        "on holiday pictures",
        "![acc.png](acc.png)",
        "| method | budget | SNR (dB) | PSNR (dB) | paper PSNR (dB) | SSIM | paper SSIM |",
        "| SSIM | original | foreign:Analog | 0 | bpp=1.5 | +",
        " | +0.250 |",
    ):
        assert said in readme
    paper = pd.read_csv(tmp_path / "one" / "paper.csv")
    assert list(paper["snr_db"]) == [0, 10, 20]
    assert list(paper["paper psnr"].fillna(-1)) == [-1, 21.5, 30]
    assert (paper["paper ssim"] == 0.5).all()
    summary = pd.read_csv(tmp_path / "one" / "summary.csv").set_index(["method", "snr_db"])
    assert list(paper["psnr"]) == [summary.loc[("foreign:Analog", snr), "psnr"] for snr in (0, 10, 20)]
    gains = pd.read_csv(tmp_path / "one" / "gains.csv")
    ssim = summary.loc[("original", 0), "ssim"] - summary.loc[("foreign:Analog", 0), "ssim"]
    assert gains["difference"].item() == pytest.approx(ssim, abs=1e-5)
    before = {path: path.read_bytes() for path in (tmp_path / "one").rglob("*.*")}
    carry_out(small(), tmp_path / "one", figures=True)
    assert {path: path.read_bytes() for path in before} == before


def test_over_several_channels_the_paper_is_beside_each(tmp_path: Path) -> None:
    carry_out(small(channel="awgn,rayleigh-fast"), tmp_path)
    paper, gains = pd.read_csv(tmp_path / "paper.csv"), pd.read_csv(tmp_path / "gains.csv")
    assert list(paper["channel"]) == ["awgn"] * 3 + ["rayleigh-fast"] * 3
    summary = pd.read_csv(tmp_path / "summary.csv").set_index(["channel", "method", "snr_db"])["ssim"]
    for line in gains.itertuples():
        of, over = (summary[line.channel, method, 0] for method in ("original", "foreign:Analog"))
        assert line.difference == pytest.approx(of - over, abs=1e-5)
    assert list(gains["channel"]) == ["awgn", "rayleigh-fast"]
    assert "| channel |" in (tmp_path / "README.md").read_text()


def test_changes_are_carried_out_and_said(tmp_path: Path) -> None:
    found = carry_out(small(), tmp_path, Changes(quick=True, dataset="foreign:Odd", limit=3))
    assert list(found.comparison.summary["snr_db"].unique()) == [20]
    assert (found.comparison.summary["n"] == 3).all()
    readme = (tmp_path / "README.md").read_text()
    assert "    linksim run small.yaml --quick --dataset foreign:Odd --limit 3\n" in readme
    assert "This run was made with --dataset foreign:Odd." in readme
    assert "holiday." not in readme
    assert "warm or cold" not in readme
    assert "The sea is missing." in readme


def test_what_no_checkpoint_serves_is_left_out_by_name(tmp_path: Path) -> None:
    found = carry_out(small(bpp=1.0), tmp_path / "one")
    assert found.missing == ("trained:Trained: no checkpoint trained-1bpp-*dB is shipped",)
    assert set(found.comparison.summary["method"]) == {"original", "foreign:Analog"}
    assert found.missing[0] in (tmp_path / "one" / "README.md").read_text()
    both = carry_out(small(bpp=[1.0, 1.5]), tmp_path / "both")
    assert both.missing == ("trained:Trained at bpp=1: no checkpoint trained-1bpp-*dB is shipped",)
    assert set(both.comparison.summary["budget"]) == {"bpp=1.5"}
    trained = [{"method": "trained:Trained", "checkpoint": "trained-1.5bpp-7dB"}]
    says = r"small: nothing to compare; trained:Trained: no checkpoint trained-1\.5bpp-7dB"
    with pytest.raises(LinksimError, match=says):
        carry_out(small(methods=trained, baseline=None, gains=None), tmp_path / "none")


def test_data_without_a_task_are_said_to_lack_one(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"methods": ["original"], "baseline": None, "gains": None, "snr": 10}
    found = carry_out(small(**fields, task=None), tmp_path / "own")
    assert found.missing == ("ACC: plasma has no task of its own; give one with --task",)
    assert f"- {found.missing[0]}" in (tmp_path / "own" / "README.md").read_text()
    assert carry_out(small(**fields, task="none"), tmp_path / "none").missing == ()
    assert carry_out(small(**fields, task=None, figures=["psnr"]), tmp_path / "psnr").missing == ()


def test_methods_have_their_place_on_an_axis_of_the_recipes_own(tmp_path: Path) -> None:
    from linksim.output.tables import read_summary
    from linksim.recipes.figures import Axis, placed, save_placed
    from linksim.scoring.metrics import metric

    methods = [{"method": "trained:Twin", "at": 100}, {"method": "trained:Trained", "at": 1}, "foreign:Analog"]
    recipe = small(methods=methods, x="τ", baseline=None, gains=None, snr=10, figures=["psnr"])
    found = carry_out(recipe, tmp_path, figures=True)
    assert (tmp_path / "psnr.pdf").exists()
    psnr = metric("psnr")
    axis = Axis.read(tmp_path, read_summary(tmp_path))
    assert axis == Axis("τ", {"trained:Twin": 100, "trained:Trained": 1})
    axes = placed(found.comparison.summary, psnr, axis).axes[0]
    curve, line = axes.lines
    values = found.comparison.summary.set_index("method")["psnr"]
    assert list(curve.get_xdata()) == [1, 100]
    assert list(curve.get_ydata()) == [values["trained:Trained"], values["trained:Twin"]]
    assert set(line.get_ydata()) == {values["foreign:Analog"]}
    assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "τ")
    assert "| 1 | trained:Trained | bpp=1.5 | 10 | " in (tmp_path / "README.md").read_text()
    _, drawn = save_placed(read_summary(tmp_path), axis, tmp_path / "drawn", only="psnr")
    assert linksim("plot", str(tmp_path), "--out", str(tmp_path / "again"), "--metric", "psnr") is None
    assert (tmp_path / "again" / "psnr.pdf").read_bytes() == drawn.read_bytes()
    assert linksim("plot", str(tmp_path), "--out", str(tmp_path / "other"), "--metric", "psnr", "--x", "snr_db") is None
    assert (tmp_path / "other" / "psnr.pdf").read_bytes() != drawn.read_bytes()
    (tmp_path / "axis.csv").write_text("method\nx\n")
    with pytest.raises(LinksimError, match=r"axis\.csv must have the columns method and a place"):
        linksim("plot", str(tmp_path))


def test_run_and_reproduce_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import jscc.shipped

    for command in ("run", "reproduce"):
        monkeypatch.setattr(f"linksim.cli.{command}.make_pool", lambda workers, dask: Pool())
    (tmp_path / "mine.yaml").write_text(SMALL)
    assert linksim("run", "mine.yaml", "--limit", "2", "--no-figures") == 0
    out = " ".join(capsys.readouterr().out.split())
    for said in (
        "paper's own on holiday pictures",
        "30.00",
        "that the paper states",
        "+0.250",
        "· The sea is missing.",
    ):
        assert said in out
    assert Path("results/limit2/mine/README.md").exists()
    monkeypatch.setattr(jscc.shipped, "FOLDER", tmp_path)  # as if none were shipped
    words = ["--dataset", "foreign:Plasma", "--task", "none", "--limit", "2", "--no-figures"]
    assert linksim("reproduce", "fig6", "table1", *words) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("linksim: ")]
    assert len(said) == 2
    assert "fig6: nothing to compare; sdjscc@20dB: no checkpoint sdjscc-*-0.125bpp-20dB or " in said[0]
    assert "table1: left out: deepjscc@20dB: no checkpoint deepjscc-0.125bpp-20dB or deepjscc-0.25bpp-20dB" in said[1]
    folder = Path("results/plasma-no-task-limit2/table1")
    assert set(pd.read_csv(folder / "summary.csv")["method"]) == {"original", "jpeg", "webp", "bpg"}
    with pytest.raises(LinksimError, match=r"unknown experiment 'fig3' \(did you mean 'fig"):
        linksim("reproduce", "fig3")
    with pytest.raises(LinksimError, match="fig6: nothing to compare"):
        linksim("reproduce", "fig6")


def test_budgets_of_channel_uses_look_for_elements_per_pixel() -> None:
    from linksim.recipes.reproduction import available

    recipe = small(bpp=None, cbr=0.5)
    assert recipe.budgets == (Budget("cbr", 0.5),)
    assert available(recipe)[1] == ("trained:Trained: no checkpoint trained-3bpp-*dB is shipped",)

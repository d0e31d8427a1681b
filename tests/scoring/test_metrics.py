"""The table of metrics, and a metric that is added as the how-to page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from foreign import Analog, Plasma
from skimage.metrics import peak_signal_noise_ratio

import linksim
from linksim.cli.main import run
from linksim.comparison import run_comparison
from linksim.engine.opened import open_experiment
from linksim.engine.pools import Pool
from linksim.engine.replay import deliver
from linksim.errors import LinksimError
from linksim.output import tables
from linksim.scoring import metrics
from linksim.scoring.metrics import METRICS, Metric, chosen, metric

PAGE = Path(__file__).parents[2] / "docs/how-to/add-a-metric.md"
COMPARE = ["compare", "--methods", "original,foreign:Analog", "--dataset", "foreign:Plasma", "--task", "none"]


@pytest.fixture(autouse=True)
def same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test adds to the table of another."""
    monkeypatch.setattr(metrics, "_added", {})


@pytest.fixture
def my_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's file in the current folder."""
    for title, text in re.findall(r'```python title="(\w+\.py)"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.S):
        (tmp_path / title).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("my_metric")
@pytest.mark.filterwarnings("ignore:Matplotlib is building the font cache")
def test_a_metric_of_one_file_and_one_option_is_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--snr", "0,10,20", "--metrics", "my_metric:EDGES,my_rate:POOR", "--baseline", "original"]
    assert run([*COMPARE, *options, "--workers", "1", "--out", "made"]) == 0
    made = tmp_path / "made"
    rows = pq.read_table(made / "rows.parquet").to_pandas()
    assert rows["edges"].dtype == float
    summary = tables.read_summary(made).set_index(["method", "snr_db"])
    for name in ("original", "foreign:Analog"):
        lines = rows[(rows["method"] == name) & (rows["snr_db"] == 0)]
        assert summary.loc[(name, 0.0), "edges"] == pytest.approx(lines["edges"].mean(), rel=1e-5)
        assert summary.loc[(name, 0.0), "poor"] == pytest.approx((lines["psnr"] < 25).mean())
    assert summary.loc[("original", 0.0), ["edges", "edges_lo", "edges_hi"]].tolist() == [1, 1, 1]
    low, value, high = summary.loc[("foreign:Analog", 0.0), ["edges_lo", "edges", "edges_hi"]]
    assert 1 < low < value < high  # noise has edges
    assert (summary["edges_images"] == summary["images"]).all()
    change = pd.read_csv(made / "differences.csv").set_index("snr_db")
    assert change.loc[0.0, "edges"] == pytest.approx(value - 1, rel=1e-4)
    assert change.loc[0.0, "edges_lo"] < change.loc[0.0, "edges"] < change.loc[0.0, "edges_hi"]
    shown = capsys.readouterr().out
    for text in (shown, (made / "table.md").read_text(), (made / "table.tex").read_text()):
        assert "Edges kept" in text
        assert "Below 25 dB" in text
    assert {"edges.png", "edges.pdf", "poor.png"} <= {path.name for path in made.iterdir()}
    page = re.search(r'id="data">(.*?)</script>', (made / "report.html").read_text())
    assert page
    assert [m["label"] for m in json.loads(page[1])["metrics"] if m["column"] == "edges"] == ["Edges kept"]


@pytest.mark.usefixtures("my_metric")
@pytest.mark.filterwarnings("ignore:Matplotlib is building the font cache")
def test_a_folders_own_metrics_are_known_where_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--snr", "0,10", "--metrics", "my_metric:EDGES", "--workers", "1", "--no-figures", "--out", "made"]
    assert run([*COMPARE, *options]) == 0
    for command in (["plot", "made", "--metric", "edges"], ["report", "made", "--images", "0", "--workers", "1"]):
        monkeypatch.setattr(metrics, "_added", {})
        assert run(command) == 0
    assert (tmp_path / "made/edges.pdf").exists()
    assert "Edges kept" in (tmp_path / "made/report.html").read_text()


def test_asking_for_a_metric_measures_what_lacks_it_and_keeps_the_rest(tmp_path: Path) -> None:
    def compared(*requested: str) -> pd.DataFrame:
        return linksim.compare([Analog()], Plasma(), [10], task="none", metrics=requested, out=tmp_path, figures=False)

    plain, more, again = compared(), compared("ms_ssim"), compared()
    assert "ms_ssim" not in plain
    assert more["ms_ssim_images"].item() == 0  # too small
    pd.testing.assert_frame_equal(more[plain.columns], plain)
    pd.testing.assert_frame_equal(again, plain)
    assert len(pq.read_table(tmp_path / "rows.parquet")) == 2 * len(Plasma())
    facts = (tmp_path / "table.md").read_text()
    assert "MS-SSIM" not in facts


def test_a_metric_object_needs_no_name() -> None:
    brightness = Metric("brightness", "Brightness", 1, of_image=lambda original, received: received.mean())
    table = linksim.compare(["original"], Plasma(), [10], task="none", metrics=[brightness])
    expected = sum(Plasma()[i].image.mean() for i in range(len(Plasma()))) / len(Plasma())
    assert table["brightness"].item() == pytest.approx(expected)
    ids = [
        next(open_experiment("original", Plasma(), [10], task="none", metrics=m).units()).id
        for m in ((), [brightness], [Metric("brightness", "B", 1, of_image=small)])
    ]
    assert len(set(ids)) == 3


def small(original: object, received: object) -> float:
    raise ZeroDivisionError("a side of nothing")


def vandal(original: Plasma, received: Plasma) -> float:
    received[:] = 0  # type: ignore[index]
    return 0.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ms_sim", r"unknown metric 'ms_sim' \(did you mean 'ms_ssim'\?\)"),
        ("foreign:Plasma", "must be a linksim.Metric, but is a"),
        (Metric("psnr", "Mine", 2, of_image=lambda a, b: 1.0), "'psnr': the metric PSNR .* has this column"),
        (Metric("acc_lo", "Mine", 2, of_image=lambda a, b: 1.0), "'acc_lo': the metric ACC has this column"),
        (Metric("correct", "Mine", 2, of_image=lambda a, b: 1.0), "'correct': rows or the summary have a column"),
        (Metric("two words", "Mine", 2, of_image=lambda a, b: 1.0), "must be a word"),
        (Metric("mine", "Mine", 2), "needs a function of_image or an estimator"),
        (Metric("mine", "Mine", 2, of_image=lambda a, b: float("inf")), "an infinite value needs a cap"),
        (Metric("mine", "Mine", 2, of_image=small), "metric 'mine' failed with ZeroDivisionError: a side of nothing"),
        (Metric("mine", "Mine", 2, of_image=vandal), "metric 'mine' failed with ValueError: .*read-only"),
        (Metric("mine", "Mine", 2, of_image=lambda a, b: "good"), "metric 'mine' failed with ValueError"),  # type: ignore[arg-type, return-value]
    ],
)
def test_what_is_no_metric_is_refused_in_a_line(given: str | Metric, said: str) -> None:
    with pytest.raises(LinksimError, match=said) as caught:
        linksim.compare(["original"], Plasma(), [10], task="none", metrics=[given])
    assert "\n" not in str(caught.value)


def test_a_capped_metric_may_be_infinite_and_an_undefined_one_leaves_images_out() -> None:
    stream = iter([1.0, float("inf"), 5.0, float("nan"), 2.0, 0.0])
    capped = Metric("mine", "Mine", 2, of_image=lambda a, b: next(stream), cap=4.0, missing="are odd")
    opened = open_experiment("original", Plasma(6), [10], task="none", metrics=capped)
    result = run_comparison(opened, Path("made"), Pool(), figures=False)
    assert result.summary["mine"].item() == pytest.approx((1 + 4 + 4 + 2 + 0) / 5)
    assert "Mine over 5 of 6 images: the others are odd" in result.facts


def test_the_table_has_one_entry_a_column() -> None:
    columns = [column for entry in METRICS for column in entry.columns]
    assert len(columns) == len(set(columns))
    assert [m.column for m in chosen(["lpips", "lpips"])][-1] == "lpips"
    assert metric("acc").of_task


def test_the_psnr_of_the_mean_mse_is_that_of_all_images_as_one(tmp_path: Path) -> None:
    compared = ["foreign:Analog", "original"]
    options = {"dataset": "foreign:Plasma", "snr_db": [10], "task": "none", "figures": False, "out": tmp_path}
    linksim.compare(compared, **options)
    before = pq.read_table(tmp_path / "rows.parquet")
    lines = linksim.compare(compared, metrics="pooled_psnr", **options).set_index("method")
    assert pq.read_table(tmp_path / "rows.parquet").equals(before)

    opened = open_experiment(("foreign:Analog",), "foreign:Plasma", (10.0,), task="none")
    sent = deliver(opened, "foreign:Analog", opened.experiment.budgets[0], range(6))
    received = np.stack([delivery.image for (delivery,) in sent])
    original = np.stack([Plasma()[i].image for i in range(6)])
    expected = peak_signal_noise_ratio(original, received, data_range=255)
    line = lines.loc["foreign:Analog"]
    assert line["pooled_psnr"] == pytest.approx(expected, abs=1e-9)
    assert line["pooled_psnr"] < line["psnr"]
    assert line["pooled_psnr_lo"] < line["pooled_psnr"] < line["pooled_psnr_hi"]
    assert lines.loc["original", "pooled_psnr"] == metrics.PSNR_CAP

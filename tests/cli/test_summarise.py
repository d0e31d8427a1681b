"""``linksim summarise``: its tables follow from a folder's rows, whatever else the folder holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import linksim
from linksim.cli.main import run
from linksim.errors import LinksimError
from linksim.output.report.rebuild import read_description, stored_rows

OPTIONS = {
    "dataset": "foreign:Plasma",
    "channel": ["rayleigh-block", "awgn"],
    "snr_db": (0, 5, 10, 15),
    "bpp": "0.5,1,2",
    "task": "none",
    "figures": False,
}
FILES = ("summarise.csv", "summarise.md", "summarise.tex")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    linksim.compare(
        ["foreign:Analog", "webp+capacity", "jpeg+capacity"], baseline="jpeg+capacity", out=folder, **OPTIONS
    )
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def outputs(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in FILES}


def test_compare_with_a_baseline_writes_the_same_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = outputs(folder)
    for name in FILES:
        (folder / name).unlink()
    assert run(["summarise", str(folder)]) == 0
    assert outputs(folder) == before
    out = capsys.readouterr().out
    assert "PSNR (dB) versus SNR over awgn, against jpeg+capacity" in out
    assert "PSNR (dB) versus bpp over rayleigh-block, against jpeg+capacity" in out
    found = pd.read_csv(folder / "summarise.csv")
    found = found[found["channel"] == "awgn"]
    webp = found[(found["method"] == "webp+capacity") & (found["metric"] == "psnr")].set_index("quantity")
    assert (webp.loc["bd_rate", "value"].dropna() < -20).all()
    assert webp.loc["bd_rate", "value"].notna().any()
    assert webp.loc["bd_snr", "value"].notna().any()
    assert "| foreign:Analog |" in before["summarise.md"]
    assert r"\toprule" in before["summarise.tex"]


def test_python_gets_the_same_numbers(folder: Path) -> None:
    found = linksim.summarise(folder)
    stored = pd.read_csv(folder / "summarise.csv")
    pd.testing.assert_frame_equal(found, stored, rtol=1e-5, check_dtype=False)
    other = linksim.summarise(folder, baseline="foreign:Analog", metrics="psnr")
    assert set(other["baseline"]) == {"foreign:Analog"}
    assert set(other["metric"]) == {"psnr"}
    assert set(other["method"]) == {"webp+capacity", "jpeg+capacity"}


def test_without_a_baseline_the_first_method_is_it_and_out_is_kept_apart(folder: Path, tmp_path: Path) -> None:
    before = outputs(folder)
    (folder / "differences.csv").unlink()
    assert run(["summarise", str(folder), "--metrics", "psnr", "--out", str(tmp_path / "out")]) == 0
    assert outputs(folder) == before
    assert set(pd.read_csv(tmp_path / "out" / "summarise.csv")["baseline"]) == {"foreign:Analog"}


def test_tables_of_an_earlier_baseline_do_not_outlive_it(folder: Path) -> None:
    linksim.compare(["foreign:Analog", "webp+capacity", "jpeg+capacity"], out=folder, **OPTIONS)
    assert not [name for name in FILES if (folder / name).exists()]


def test_rows_of_other_versions_and_of_further_images_do_not_count(folder: Path) -> None:
    before = linksim.summarise(folder)
    path = folder / "rows.parquet"
    rows = pq.read_table(path)

    def changed(column: str, text: str) -> pa.Table:
        psnr = pa.array([value - 3 for value in rows["psnr"].to_pylist()], pa.float64())
        values = pa.array([value + text for value in rows[column].to_pylist()], pa.string())
        table = rows.set_column(rows.schema.get_field_index("psnr"), "psnr", psnr)
        return table.set_column(rows.schema.get_field_index(column), column, values)

    for column in ("unit", "content", "method"):
        pq.write_table(pa.concat_tables([rows, changed(column, "x")]), path)
        pd.testing.assert_frame_equal(linksim.summarise(folder), before)


def test_images_over_the_limit_do_not_count(folder: Path) -> None:
    methods = ["foreign:Analog", "webp+capacity", "jpeg+capacity"]
    linksim.compare(methods, baseline="jpeg+capacity", limit=4, out=folder, **OPTIONS)
    stored = pd.read_csv(folder / "summarise.csv")
    assert set(stored["images"]) == {4}
    pd.testing.assert_frame_equal(linksim.summarise(folder), stored, rtol=1e-5, check_dtype=False)


def test_an_interrupted_run_is_summarised_over_what_there_is(folder: Path) -> None:
    path = folder / "rows.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.filter(pa.compute.less(rows["image"], 4)), path)
    assert set(linksim.summarise(folder)["images"]) == {4}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--baseline", "webp"], "unknown baseline 'webp'; known: foreign:Analog, jpeg+capacity, webp+capacity"),
        (["--metrics", "psn"], "unknown metric 'psn' (did you mean 'psnr'?)"),
        (["--metrics", "cbr"], "metric 'cbr': must be one of which more or less is better"),
        (["--metrics", "acc"], "metric 'acc' was not measured; there are psnr"),
    ],
)
def test_what_the_folder_lacks_is_a_line(
    folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["summarise", str(folder), *words]) == 2
    assert capsys.readouterr().err.startswith(f"linksim: {said}")


def test_folders_without_what_it_takes_are_a_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def line(path: Path) -> str:
        assert run(["summarise", str(path)]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        return err

    assert "holds no experiment.json" in line(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (folder / "rows.parquet").write_bytes(b"PAR1")
    assert "cannot be read" in line(folder)
    (folder / "rows.parquet").unlink()
    assert "holds no rows" in line(folder)
    linksim.compare("foreign:Analog", out=tmp_path / "one", **OPTIONS)
    assert "there is foreign:Analog" in line(tmp_path / "one")
    linksim.compare("original", out=tmp_path / "original", **OPTIONS)
    assert "there is none" in line(tmp_path / "original")
    linksim.compare(["foreign:Analog", "jpeg"], out=tmp_path / "point", **(OPTIONS | {"snr_db": 10, "bpp": 1}))
    assert "has one SNR and one budget" in line(tmp_path / "point")


def test_detections_take_the_data_that_they_are_of(folder: Path) -> None:
    path, description = folder / "rows.parquet", read_description(folder)
    assert stored_rows(folder, description)[1] is None
    rows = pq.read_table(path)
    place = rows.schema.get_field_index("detections")
    found = rows.set_column(place, rows.schema.field(place), pa.array([[]] * len(rows), pa.list_(pa.float32())))
    pq.write_table(found, path)
    dataset = stored_rows(folder, description)[1]
    assert dataset is not None
    assert dataset.name == "plasma"
    other = pa.array([text + "x" for text in rows["content"].to_pylist()], pa.string())
    pq.write_table(found.set_column(rows.schema.get_field_index("content"), "content", other), path)
    with pytest.raises(LinksimError, match="'foreign:Plasma': not what was run"):
        stored_rows(folder, description)

"""Rows on disk and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from foreign import Analog, Plasma

from linksim.engine.opened import Opened, open_experiment
from linksim.engine.store import ORDER, SCHEMA, Store
from linksim.engine.units import Unit


@pytest.fixture(scope="module")
def opened() -> Opened:
    return open_experiment((Analog(), "original"), Plasma(5), (10.0, -3.0, 2.5), task="none", trials=2)


def rows_of(unit: Unit) -> list[dict[str, Any]]:
    """Rows as a measurement would give them, with numbers that follow from what determines them."""
    filled = {field.name: None for field in SCHEMA}
    named = {"unit": unit.id, "method": unit.method, "budget": str(unit.budget), "channel": unit.channel}
    return [
        filled | named | {"snr_db": snr_db, "image": image, "trial": trial, "content": content}
        | {"psnr": float(np.random.default_rng([image, trial, int(10 * snr_db) + 99]).normal()), "source": "s"}
        for image, content in zip(unit.images, unit.contents, strict=True)
        for snr_db in unit.snr_db
        for trial in range(2)
    ]  # fmt: skip


def test_rows_come_back_in_order_and_once(opened: Opened, tmp_path: Path) -> None:
    units = list(opened.units())
    store = Store(tmp_path)
    everything = [row for unit in units for row in rows_of(unit)]
    for start in range(0, len(everything), 7):  # parts that neither units nor methods respect, some rows in two of them
        store.write(f"part-{len(everything) - start}.parquet", everything[start : start + 9])
    expected = pd.DataFrame(everything)[[*ORDER, "psnr"]].sort_values(list(ORDER), ignore_index=True)
    for _ in range(2):  # from parts, then from one file
        read = store.read(units, ["psnr"])
        texts = {"method": str, "budget": str, "channel": str}
        pd.testing.assert_frame_equal(read.astype(texts), expected, check_dtype=False)
        store.gather()
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


def test_what_is_gathered_does_not_depend_on_the_parts(opened: Opened, tmp_path: Path) -> None:
    units = list(opened.units())
    for name, order in (("one", units), ("other", units[::-1])):
        store = Store(tmp_path / name)
        for unit in order:
            store.write(unit.part, rows_of(unit))
        store.gather()
    assert (tmp_path / "one" / "rows.parquet").read_bytes() == (tmp_path / "other" / "rows.parquet").read_bytes()


def test_only_what_is_missing_is_asked_for(opened: Opened, tmp_path: Path) -> None:
    store, (first, *others) = Store(tmp_path), list(opened.units())
    store.write("part-a.parquet", rows_of(first.only((0, 1, 3), (10.0, 2.5))))
    missing = next(store.missing([first]))
    assert (missing.images, missing.snr_db) == ((0, 1, 2, 3, 4), (10.0, -3.0, 2.5))
    store.write("part-b.parquet", rows_of(first.only((2, 4), (10.0, 2.5))))
    assert [(unit.images, unit.snr_db) for unit in store.missing([first])] == [((0, 1, 2, 3, 4), (-3.0,))]
    assert list(store.missing(others)) == others
    for unit in (first, *others):
        store.write(unit.part, rows_of(unit))
    store.gather()
    assert list(store.missing(opened.units())) == []


def test_rows_follow_their_image_wherever_it_stands(opened: Opened, tmp_path: Path) -> None:
    """An image is added in front and another is removed: what was measured of the others still counts."""

    class Moved(Plasma):
        def __getitem__(self, index: int) -> Any:
            return super().__getitem__((9, 0, 1, 3, 4)[index])

        def digest(self, index: int, sample: Any = None) -> str:
            return Plasma(10).digest((9, 0, 1, 3, 4)[index])

    store = Store(tmp_path)
    for unit in opened.units():
        store.write(unit.part, rows_of(unit))
    moved = open_experiment((Analog(), "original"), Moved(5), (10.0, -3.0, 2.5), task="none", trials=2)
    missing = list(store.missing(moved.units()))
    assert [unit.images for unit in missing] == [(0,)] * 2
    read, before = store.read(moved.units()), store.read(opened.units())
    np.testing.assert_array_equal(read[read["image"] == 3]["psnr"], before[before["image"] == 3]["psnr"])
    np.testing.assert_array_equal(read[read["image"] == 1]["psnr"], before[before["image"] == 0]["psnr"])


def test_a_file_of_another_version_does_not_count_and_is_set_aside(opened: Opened, tmp_path: Path) -> None:
    store, unit = Store(tmp_path), next(opened.units())
    store.write("part-new.parquet", rows_of(unit))
    older = pq.read_table(tmp_path / "rows" / "part-new.parquet").drop_columns("agreement")
    pq.write_table(older, tmp_path / "rows" / "part-older.parquet")
    assert list(store.missing([unit])) == []
    assert (tmp_path / "rows" / "part-older.parquet.other").exists()
    store.gather()
    assert len(store.read([unit])) == len(rows_of(unit))


def test_a_folder_without_rows_has_all_columns(tmp_path: Path) -> None:
    names = [name for name in SCHEMA.names if name not in ("unit", "content")]
    assert list(Store(tmp_path).read([]).columns) == list(dict.fromkeys([*ORDER, *names]))

"""Rows on disk and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from linksim.engine.store import ORDER, SCHEMA, Store


def row(unit: str, method: str, snr_db: float, image: int, trial: int = 0, **values: Any) -> dict[str, Any]:
    filled = {field.name: None for field in SCHEMA} | {"budget": "bpp=0.25", "key": f"image {image}", "source": "s"}
    return filled | {"unit": unit, "method": method, "snr_db": snr_db, "image": image, "trial": trial} | values


def test_rows_come_back_in_order_and_once(tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    rows = [
        row(f"{method} {image // 2}", method, snr_db, image, trial, psnr=float(stream.normal()))
        for method in ("webp", "bpg")
        for image in range(5)
        for snr_db in (10.0, -3.0, 2.5)
        for trial in (1, 0)
    ]
    store = Store(tmp_path)
    for start in range(0, len(rows), 7):  # parts that neither units nor methods respect, ...
        store.write(f"part-{len(rows) - start}.parquet", rows[start : start + 9])  # ... some rows in two of them
    store.write("part-other.parquet", [row("another run's", "jpeg", 10.0, 0, psnr=0.0)])
    wanted = [(unit, (10.0, 2.5)) for unit in {r["unit"] for r in rows}]
    read = store.read(wanted, ["psnr"])
    expected = pd.DataFrame(rows).query("snr_db > 0")[[*ORDER, "psnr"]].sort_values(list(ORDER), ignore_index=True)
    pd.testing.assert_frame_equal(read.astype({"method": str, "budget": str}), expected, check_dtype=False)


def test_parts_of_another_version_stay_and_do_not_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write("part-new.parquet", [row("a", "bpg", 10.0, 0)])
    older = pq.read_table(tmp_path / "rows" / "part-new.parquet").drop_columns("agreement")
    pq.write_table(older, tmp_path / "rows" / "part-older.parquet")
    assert store.done() == {"a": {10.0}}
    assert len(store.read([("a", (10.0,))])) == 1
    assert (tmp_path / "rows" / "part-older.parquet").exists()


def test_a_folder_without_rows_has_all_columns(tmp_path: Path) -> None:
    assert list(Store(tmp_path).read([]).columns) == list(dict.fromkeys([*ORDER, *SCHEMA.names[1:]]))

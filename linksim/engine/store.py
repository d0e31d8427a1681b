"""Rows on disk.

While a run is under way each unit's rows are a Parquet part of their own, whole or absent. A finished run gathers
them in one file, ``rows.parquet``. Rows are found by what determines them: a unit's id, the image's content, the SNR.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from linksim.engine.units import Unit
from linksim.errors import LinksimError, failed
from linksim.files import folder_lock, make_folder, write_atomically
from linksim.scoring.metrics import chosen, of_images

SCHEMA = pa.schema(
    [
        ("unit", pa.string()),  # what determines the row, images and SNRs apart
        ("channel", pa.string()),
        ("method", pa.string()),
        ("budget", pa.string()),
        ("snr_db", pa.float64()),
        ("trial", pa.int32()),
        ("image", pa.int32()),
        ("key", pa.string()),
        ("content", pa.string()),  # hash of the image and its truth
        ("source", pa.string()),  # what the bootstrap resamples
        ("ok", pa.bool_()),  # False: outage
        ("bpp", pa.float64()),
        ("cbr", pa.float64()),
        ("bits_sent", pa.int64()),
        ("bit_errors", pa.int64()),
        ("blocks_sent", pa.int64()),
        ("block_errors", pa.int64()),
        ("papr", pa.float64()),  # dB; null where a channel has no waveform of its own
        *((metric.column, pa.float64()) for metric in of_images(chosen())),
        ("label", pa.int32()),
        ("prediction", pa.int32()),
        ("correct", pa.bool_()),
        ("agreement", pa.bool_()),  # True: the label is the task's prediction on the original
        ("as_original", pa.bool_()),  # whether the prediction is that on the original
        ("detections", pa.list_(pa.float32())),  # x0, y0, x1, y1, score, class of each, end to end
    ]
)


MAY_LACK = [*(metric.column for metric in of_images(chosen())), "as_original"]
"""Columns that every experiment has, and that older rows may lack."""


def _with_metrics(names: Iterable[str]) -> pa.Schema:
    """The schema of rows that have these columns: further ones are metrics that an experiment asked for."""
    further = sorted(set(names) - set(SCHEMA.names))
    return pa.schema([*SCHEMA, *((name, pa.float64()) for name in further)])


ORDER = ("channel", "budget", "method", "snr_db", "image", "trial")
"""What rows are sorted by, and what no two rows have in common."""


class Store:
    """The folder of an experiment: ``experiment.json``, ``rows.parquet`` and, of a run under way, ``rows/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows_folder = folder / "rows"
        self.whole = folder / "rows.parquet"
        make_folder(folder)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder (see ``folder_lock``) and remove temporary files of an interrupted write."""
        with folder_lock(self.folder):
            for leftover in self.rows_folder.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
            yield

    def files(self) -> list[Path]:
        """The files with rows that are there: the gathered one first, then the parts by name."""
        return [path for path in (self.whole, *sorted(self.rows_folder.glob("part-*.parquet"))) if path.exists()]

    def missing(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """What of these units is not stored: each for those of its images and SNRs that some row lacks."""
        done = self._done()
        for unit in units:
            there = done.get(unit.id, {})
            lacking = {
                image: [snr_db for snr_db in unit.snr_db if snr_db not in there.get(content, ())]
                for image, content in zip(unit.images, unit.contents, strict=True)
            }
            images = [image for image, points in lacking.items() if points]
            if images:
                wanted = {snr_db for points in lacking.values() for snr_db in points}
                yield unit.only(images, [snr_db for snr_db in unit.snr_db if snr_db in wanted])

    def _done(self) -> dict[str, dict[str, set[float]]]:
        """The stored SNRs of each content, by unit id. A damaged file does not count and is removed; one of another
        version's columns does not count and is set aside, with the ending ``.other``."""
        found: dict[str, dict[str, set[float]]] = {}
        for path in self.files():
            try:
                table = pq.read_table(path, page_checksum_verification=True)
            except (pa.ArrowException, OSError, ValueError) as error:
                if getattr(error, "errno", None) or isinstance(error, MemoryError):  # the machine's fault
                    raise LinksimError(f"cannot read {path}: {error}") from error
                path.unlink(missing_ok=True)
                continue
            if not _readable(table.schema):
                path.rename(path.with_name(f"{path.name}.other"))
                continue
            keys = table.select(["unit", "content", "snr_db"]).group_by(["unit", "content", "snr_db"]).aggregate([])
            for unit, content, snr_db in zip(*(keys[name].to_pylist() for name in keys.column_names), strict=True):
                found.setdefault(unit, {}).setdefault(content, set()).add(snr_db)
        return found

    def write(self, part: str, rows: Sequence[dict[str, Any]]) -> None:
        """Store the rows of a unit under a part's name."""
        make_folder(self.rows_folder)
        schema = _with_metrics(name for row in rows for name in row)
        self._write(self.rows_folder / part, pa.Table.from_pylist(list(rows), schema=schema))

    def _write(self, path: Path, table: pa.Table) -> None:
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd", compression_level=9, write_page_checksum=True)
        write_atomically(path, buffer.getvalue().to_pybytes())

    def gather(self) -> None:
        """Put all rows into ``rows.parquet``: equal rows make an equal file, in whatever order they were measured."""
        files = self.files()
        if files in ([], [self.whole]):
            return
        keys = ["unit", "content", "snr_db", "trial"]
        schema = self._schema(files)
        tables = (_with_all(pq.read_table(path, read_dictionary=keys[:2]), schema) for path in files)
        whole = pa.concat_tables(tables).unify_dictionaries()
        places = pa.array(_sorted_places([whole[name] for name in keys]))
        self._write(self.whole, whole.take(places).cast(schema))
        for path in files:
            if path != self.whole:
                path.unlink()
        with suppress(OSError):  # what was set aside stays
            self.rows_folder.rmdir()

    def read(self, units: Iterable[Unit], columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows of these units, in the order of channel, budget, method, SNR, image and trial; others are left out.

        Columns ``unit`` and ``content`` serve to choose rows and are left out; ``image`` is the number that the image
        has now. Text is categorical.
        """
        wanted: dict[str, set[float]] = {}
        numbers: dict[str, int] = {}
        for unit in units:
            wanted.setdefault(unit.id, set()).update(unit.snr_db)
            numbers.update(zip(unit.contents, unit.images, strict=True))
        files = self.files()
        schema = self._schema(files)
        names = list(dict.fromkeys([*ORDER, *(columns or [n for n in schema.names if n not in ("unit", "content")])]))
        text = [name for name in names if schema.field(name).type == pa.string()]
        tables = []
        for path in files:
            columns = ["unit", "content", *names]
            table = pq.read_table(path, columns=columns, read_dictionary=["unit", "content", *text])
            table = _with_all(table, pa.schema([schema.field(name) for name in columns]))
            images = _looked_up(table["content"], numbers, -1)
            asked = _looked_up(table["unit"], {unit: i for i, unit in enumerate(wanted)}, -1)
            snr_db = table["snr_db"].to_numpy()
            keep = np.zeros(len(snr_db), bool)
            for i, points in enumerate(wanted.values()):
                keep |= (asked == i) & np.isin(snr_db, sorted(points))
            keep &= images >= 0
            place = names.index("image")
            table = table.select(names).set_column(place, SCHEMA.field("image"), pa.array(images, pa.int32()))
            tables.append(table.filter(pa.array(keep)))
        if not tables:
            return schema.empty_table().select(names).to_pandas()
        whole = pa.concat_tables(tables).unify_dictionaries()
        del tables, table
        places = pa.array(_sorted_places([whole[name] for name in ORDER]))
        sorted_columns = {}
        for name in names:  # one by one, since two copies of a large run's rows would be its peak of memory
            sorted_columns[name] = whole[name].take(places).to_pandas()
            whole = whole.drop_columns(name)
        return pd.DataFrame(sorted_columns, copy=False)

    def read_all(self) -> pd.DataFrame:
        """All stored rows once, those of other experiments included, with the columns ``unit`` and ``content``.

        Raises:
            LinksimError: A file cannot be read.
        """
        files = self.files()
        try:
            schema = self._schema(files)
            text = [field.name for field in schema if field.type == pa.string()]
            tables = [_with_all(pq.read_table(path, read_dictionary=text), schema) for path in files]
        except (pa.ArrowException, OSError) as error:
            raise failed(f"rows in {self.folder} cannot be read", error) from error
        whole = pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table()
        places = pa.array(_sorted_places([whole[name] for name in ("unit", "content", "snr_db", "trial")]))
        return whole.take(places).to_pandas() if tables else whole.to_pandas()

    def _schema(self, files: Iterable[Path]) -> pa.Schema:
        """All columns that these files have."""
        return _with_metrics(name for path in files for name in pq.read_schema(path).names)

    def write_experiment(self, description: dict[str, Any]) -> None:
        """Store ``experiment.json``."""
        text = json.dumps(description, indent=2, sort_keys=True) + "\n"
        write_atomically(self.folder / "experiment.json", text.encode())

    def experiment(self) -> dict[str, Any] | None:
        """What ``experiment.json`` holds, if it is there."""
        path = self.folder / "experiment.json"
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise LinksimError(f"{path} cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise LinksimError(f"{path} is not an experiment's description")
        return found


def _readable(schema: pa.Schema) -> bool:
    """Whether a file has the columns of this version; those of metrics may be missing or strange."""
    return all(field in schema or field.name in MAY_LACK for field in SCHEMA)


def _with_all(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with these columns, in their order; metrics that it lacks were not measured."""
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table.select(schema.names)


def _looked_up(column: pa.ChunkedArray, numbers: dict[str, int], absent: int) -> npt.NDArray[np.int64]:
    """The number of each text of a dictionary column."""
    whole = column.combine_chunks()
    found = np.array([numbers.get(text, absent) for text in whole.dictionary.to_pylist()] or [absent], np.int64)
    return found[whole.indices.to_numpy()] if len(whole) else np.zeros(0, np.int64)


def _sorted_places(columns: Sequence[pa.ChunkedArray]) -> npt.NDArray[np.int64]:
    """Where the rows stand, in the order of these columns, the first of equal ones alone."""
    keys = [_ranks(column) if pa.types.is_dictionary(column.type) else column.to_numpy() for column in columns]
    order = np.lexsort(keys[::-1])
    differ = np.ones(len(order), bool)
    differ[1:] = np.any([key[order[1:]] != key[order[:-1]] for key in keys], axis=0)
    places: npt.NDArray[np.int64] = order[differ]
    return places


def _ranks(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Numbers that sort as the text of a dictionary column does."""
    whole = column.combine_chunks()
    ranks = np.argsort(np.argsort(np.array(whole.dictionary.to_pylist(), str)))
    return ranks[whole.indices.to_numpy()]

"""Rows on disk: one Parquet part per unit, written to a temporary name and renamed, so that a part is whole or
absent. A rerun reads which (unit, SNR) pairs are there and skips them."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from linksim.errors import LinksimError
from linksim.files import make_folder, write_atomically

SCHEMA = pa.schema(
    [
        ("unit", pa.string()),
        ("method", pa.string()),
        ("budget", pa.string()),
        ("snr_db", pa.float64()),
        ("trial", pa.int32()),
        ("image", pa.int32()),
        ("key", pa.string()),
        ("source", pa.string()),  # what the bootstrap resamples
        ("ok", pa.bool_()),  # False: outage
        ("bpp", pa.float64()),
        ("cbr", pa.float64()),
        ("bits_sent", pa.int64()),
        ("bit_errors", pa.int64()),
        ("blocks_sent", pa.int64()),
        ("block_errors", pa.int64()),
        ("psnr", pa.float64()),  # dB
        ("ssim", pa.float64()),
        ("label", pa.int32()),
        ("verdict", pa.int32()),
        ("correct", pa.bool_()),
        ("agreement", pa.bool_()),  # True: the label is the task's prediction on the original
        ("detections", pa.list_(pa.float32())),  # x0, y0, x1, y1, score, class of each, end to end
    ]
)


ORDER = ("method", "budget", "snr_db", "image", "trial")
"""What rows are sorted by, and what no two rows have in common."""


class Store:
    """The folder of an experiment: ``experiment.json`` and ``rows/part-*.parquet``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows_folder = folder / "rows"
        make_folder(self.rows_folder)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one run that writes here; the kernel releases it however the process ends."""
        try:
            file = open(self.folder / ".lock", "w")  # noqa: SIM115 - closed below, with the lock
        except OSError as error:
            raise LinksimError(f"cannot write in {self.folder}: {error.strerror or error}") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LinksimError(
                    f"another run is writing to {self.folder}; wait for it or choose another --out"
                ) from None
            for leftover in self.rows_folder.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
            yield

    def parts(self) -> list[Path]:
        """Files of the parts that are there, sorted by name."""
        return sorted(self.rows_folder.glob("part-*.parquet"))

    def done(self) -> dict[str, set[float]]:
        """SNRs that are there for each unit id. A part that is damaged does not count, and is removed; nor does one of
        another version's columns, which stays."""
        found: dict[str, set[float]] = {}
        for path in self.parts():
            try:
                table = pq.read_table(path, page_checksum_verification=True)
            except (pa.ArrowException, OSError, ValueError) as error:
                if getattr(error, "errno", None) or isinstance(error, MemoryError):  # the machine's fault
                    raise LinksimError(f"cannot read {path}: {error}") from error
                path.unlink(missing_ok=True)
                continue
            if not table.schema.equals(SCHEMA):
                continue
            for unit, snr_db in set(zip(*(table[name].to_pylist() for name in ("unit", "snr_db")), strict=True)):
                found.setdefault(unit, set()).add(snr_db)
        return found

    def write(self, part: str, rows: Sequence[dict[str, Any]]) -> None:
        """Store the rows of a unit under a part's name."""
        buffer = pa.BufferOutputStream()
        pq.write_table(
            pa.Table.from_pylist(list(rows), schema=SCHEMA), buffer, compression="zstd", write_page_checksum=True
        )
        write_atomically(self.rows_folder / part, buffer.getvalue().to_pybytes())

    def read(self, units: Iterable[tuple[str, Sequence[float]]], columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows of these (unit, SNRs), in the order of method, budget, SNR, image and trial; others are left out,
        and so is the column ``unit``, whose names are long and serve only to choose them. Text is categorical."""
        wanted = {unit: set(snr_db) for unit, snr_db in units}
        names = list(dict.fromkeys([*ORDER, *(columns or SCHEMA.names[1:])]))
        text = [name for name in names if SCHEMA.field(name).type == pa.string()]
        tables = []
        for path in self.parts():
            if not pq.read_schema(path).equals(SCHEMA):
                continue
            table = pq.read_table(path, columns=["unit", *names], read_dictionary=text)
            units_here, snr_here = table["unit"].to_pylist(), table["snr_db"].to_pylist()
            keep = [s in wanted.get(u, ()) for u, s in zip(units_here, snr_here, strict=True)]
            tables.append(table.select(names).filter(pa.array(keep, pa.bool_())))
        if not tables:
            return SCHEMA.empty_table().select(names).to_pandas()
        whole = pa.concat_tables(tables).unify_dictionaries()
        del tables
        places = pa.array(_sorted_places([whole[name] for name in ORDER]))
        sorted_columns = {}
        for name in names:  # one by one, since two copies of a large run's rows would be its peak of memory
            sorted_columns[name] = whole[name].take(places).to_pandas()
            whole = whole.drop_columns(name)
        return pd.DataFrame(sorted_columns, copy=False)

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
            found = json.loads(path.read_text())
        except (ValueError, OSError) as error:
            raise LinksimError(f"{path} cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise LinksimError(f"{path} is not an experiment's description")
        return found


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

"""A run's log: ``log.csv``, always, and TensorBoard event files where that package is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from linksim.errors import failed
from linksim.files import write_atomically


class TrainingLog:
    """Appends one row per validation. Opening it for a run that resumes drops the rows after ``step``, so that an
    interrupted run's log ends up equal to an uninterrupted one's."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.csv"
        rows = list(csv.DictReader(io.StringIO(self.path.read_text()))) if self.path.exists() else []
        self.rows = [row for row in rows if int(row["step"]) <= step]
        self.board: Any = None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            with self._named_errors():
                self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
                self.board.flush()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """TensorBoard's writer fails with errors of TensorFlow's own where that is installed."""
        try:
            yield
        except Exception as error:
            raise failed(f"cannot write {self.path.parent / 'tensorboard'}", error) from None

    def add(self, step: int, values: dict[str, float]) -> None:
        """One row; values by column name, absent ones left empty."""
        self.rows.append({"step": str(step)} | {name: f"{value:.6g}" for name, value in values.items()})
        text = io.StringIO()
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, text.getvalue().encode())
        if self.board is not None:
            with self._named_errors():
                for name, value in values.items():
                    self.board.add_scalar(name, value, step)
                self.board.flush()

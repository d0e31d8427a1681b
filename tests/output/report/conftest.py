"""A small finished comparison with a cliff, and its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reports import reported

from linksim.comparison import summarise_rows
from linksim.engine.opened import Opened, open_experiment
from linksim.engine.pools import Pool
from linksim.engine.runner import run
from linksim.engine.store import Store
from linksim.link import Budget
from linksim.output.tables import as_csv

Finish = Callable[[Opened, Path], Path]


@pytest.fixture(scope="session")
def finish() -> Finish:
    """Runs an experiment and leaves in a folder what a report needs of it."""

    def finish(opened: Opened, folder: Path) -> Path:
        store = Store(folder)
        store.write_experiment(opened.description)
        outcome = run(opened, store, Pool())
        assert not outcome.failures
        methods = opened.experiment.methods
        baseline = methods[-1] if len(methods) > 1 else None
        found = summarise_rows(opened, store.read(outcome.units), methods, baseline)
        (folder / "summary.csv").write_text(as_csv(found.summary))
        if found.differences is not None:
            (folder / "differences.csv").write_text(as_csv(found.differences))
        if found.curves is not None:
            (folder / "summarise.csv").write_text(as_csv(found.curves))
        return folder

    return finish


@pytest.fixture(scope="session")
def opened() -> Opened:
    """A digital method, whose cliff lies at 8.5 dB, beside an analog one; made of names only."""
    return open_experiment(
        methods=("webp+capacity", "foreign:Analog"),
        dataset="foreign:Plasma",
        snr_db=tuple(map(float, range(0, 21, 4))),
        budgets=(Budget("bpp", 0.5), Budget("bpp", 1.0)),
        task="foreign:Warmth",
        trials=2,
    )


@pytest.fixture(scope="session")
def folder(opened: Opened, finish: Finish, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the finished comparison."""
    return finish(opened, tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="session")
def page(opened: Opened, folder: Path) -> Path:
    """Its page, with four of the six images."""
    return reported(folder, opened, images=4)

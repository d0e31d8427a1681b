"""A small finished comparison with a cliff, and its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from linksim.engine.pools import Pool
from linksim.engine.runner import run
from linksim.engine.store import Store
from linksim.experiment import Experiment
from linksim.link import Budget
from linksim.output.report import write_report
from linksim.scoring.aggregation import summarise

Finish = Callable[[Experiment, Path], Path]


@pytest.fixture(scope="session")
def finish() -> Finish:
    """Runs an experiment and leaves in a folder what a report needs of it."""

    def finish(experiment: Experiment, folder: Path) -> Path:
        store = Store(folder)
        store.write_experiment(experiment.describe())
        outcome = run(experiment, store, Pool())
        assert not outcome.failures
        rows = store.read([(unit.id, unit.snr_db) for unit in outcome.units])
        summary = summarise(rows, experiment.data, experiment.method_names, tuple(map(str, experiment.budgets)))
        summary.to_csv(folder / "summary.csv", index=False, float_format="%.6g")
        return folder

    return finish


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """A digital method, whose cliff lies at 8.5 dB, beside an analog one; made of names only."""
    return Experiment(
        methods=("webp+capacity", "foreign:Analog"),
        dataset="foreign:Plasma",
        snr_db=tuple(map(float, range(0, 21, 4))),
        budgets=(Budget("bpp", 0.5), Budget("bpp", 1.0)),
        task="foreign:Warmth",
        trials=2,
    )


@pytest.fixture(scope="session")
def folder(experiment: Experiment, finish: Finish, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the finished comparison."""
    return finish(experiment, tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="session")
def page(experiment: Experiment, folder: Path) -> Path:
    """Its page, with four of the six images."""
    return write_report(folder, experiment, images=4)

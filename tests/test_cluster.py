"""Dask: a real local cluster of two processes, and the job script that a cluster file makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from linksim.comparison import run_comparison
from linksim.errors import LinksimError
from linksim.experiment import Experiment
from linksim.runner import Pool

distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")
pytestmark = pytest.mark.filterwarnings("default")  # distributed's own

from linksim.cluster import DaskPool, make_cluster, read_cluster_file  # noqa: E402


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def test_dask_gives_the_rows_of_one_process(address: str, tmp_path: Path) -> None:
    experiment = Experiment(("foreign:Analog", "bpg", "foreign:Loud"), "foreign:Plasma", (9.0, 12.0), task="")
    pool = DaskPool(address)
    assert pool.workers == 2
    try:
        outcome = run_comparison(experiment, tmp_path / "dask", pool, figures=False)
    finally:
        pool.close()
    run_comparison(experiment, tmp_path / "here", Pool(), figures=False)
    assert set(outcome.failures) == {"foreign:Loud"}
    for name in ("summary.csv", "experiment.json", "table.md"):
        assert (tmp_path / "dask" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_an_address_where_nobody_listens_gives_one_line() -> None:
    with pytest.raises(LinksimError, match="no scheduler answers"):
        DaskPool("tcp://127.0.0.1:9")


def test_a_cluster_file_becomes_the_job_script_that_slurm_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue", reason="needs the extra 'dask'")
    import dask_jobqueue

    monkeypatch.setattr(dask_jobqueue.SLURMCluster, "scale", lambda self, jobs: None)
    path = tmp_path / "slurm.yaml"
    path.write_text(
        "system: slurm\njobs: 3\noptions:\n  cores: 4\n  memory: 16GB\n  queue: short\n  walltime: '01:00:00'\n"
        "  account: project7\n  scheduler_options: {dashboard_address: null}\n"
    )
    with make_cluster(read_cluster_file(path)) as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -p short", "#SBATCH -A project7", "#SBATCH --cpus-per-task=4", "#SBATCH -t 01:00:00"):
        assert line in script
    assert "--nthreads 1 " in script
    assert "--nworkers 4 " in script


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("system: slrum", "did you mean 'slurm'"),
        ("system: slurm\njobs: 0", "jobs 0"),
        ("system: slurm\noptions: 3", "options must be a table"),
        ("system: slurm\nnodes: 3", "no others"),
        ("a: [", "cannot be read"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
        ("", "must have the keys"),
    ],
)
def test_a_bad_cluster_file_gets_one_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(LinksimError, match=says):
        read_cluster_file(path)
    with pytest.raises(LinksimError, match="no such file"):
        read_cluster_file(tmp_path / "absent.yaml")

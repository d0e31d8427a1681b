"""Dask: a real local cluster of two processes, and the job script that a cluster file makes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from foreign import Deadly

from linksim.comparison import run_comparison
from linksim.engine.opened import open_experiment
from linksim.engine.pools import Pool
from linksim.errors import LinksimError

distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")
pytestmark = pytest.mark.filterwarnings("default")  # distributed's own

from linksim.engine.cluster import DaskPool, make_cluster, read_cluster_file  # noqa: E402


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Local workers, which LocalCluster must not take for lost while they restart under load."""
    import dask

    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        yield cluster.scheduler_address


def test_dask_gives_the_rows_of_one_process(address: str, tmp_path: Path) -> None:
    opened = open_experiment(("foreign:Analog", "bpg", "foreign:Loud"), "foreign:Plasma", (9.0, 12.0), task="")
    with DaskPool(address) as pool:
        assert pool.workers == 2
        outcome = run_comparison(opened, tmp_path / "dask", pool, figures=False)
    run_comparison(opened, tmp_path / "here", Pool(), figures=False)
    assert set(outcome.failures) == {"foreign:Loud"}
    for name in ("summary.csv", "experiment.json", "table.md"):
        assert (tmp_path / "dask" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_worker_that_dies_costs_its_unit_and_not_the_run(address: str, tmp_path: Path) -> None:
    """On Dask, too: one that dies once, and one whose workers always die."""
    with DaskPool(address) as pool:
        for marker, failed in ((tmp_path / "marker", []), (tmp_path / "no" / "marker", ["deadly"])):
            opened = open_experiment((Deadly(marker), "foreign:Analog"), "foreign:Plasma", (10.0,), task="")
            outcome = run_comparison(opened, tmp_path / f"out{len(failed)}", pool, figures=False)
            assert list(outcome.failures) == failed
            assert set(outcome.summary["method"]) == {"deadly", "foreign:Analog"} - set(failed)
    assert (tmp_path / "marker").exists()
    assert outcome.failures == {"deadly": "every worker that tried images 0 to 5 died"}


def test_a_link_that_does_not_end_is_stopped(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its worker, since Dask runs units in threads; afterwards the pool has workers again."""
    monkeypatch.setattr("linksim.engine.runner.GRACE", 0.5)
    with DaskPool(address) as pool:
        opened = open_experiment(("foreign:Endless",), "foreign:Plasma", (10.0,), task="")
        assert opened.description  # imports take none of its time
        with pytest.raises(LinksimError, match="a unit took more than 2 s and was stopped"):
            run_comparison(opened, tmp_path, pool, timeout=2.0, figures=False)
        opened = open_experiment(("foreign:Analog",), "foreign:Plasma", (12.0,), task="")
        assert run_comparison(opened, tmp_path, pool, figures=False).failures == {}


def test_a_scheduler_that_goes_away_gives_one_line(tmp_path: Path) -> None:
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    pool = DaskPool(cluster.scheduler_address)
    going = threading.Timer(1.0, cluster.close)
    going.start()
    try:
        opened = open_experiment(("foreign:Slow",), "foreign:Many", tuple(map(float, range(21))), task="")
        with pytest.raises(LinksimError, match="run the same command to resume"):
            run_comparison(opened, tmp_path, pool, figures=False)
    finally:
        going.join()
        pool.close()


def test_without_workers_no_method_is_blamed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with DaskPool(address) as pool:
        monkeypatch.setattr(pool.client, "nthreads", dict)
        with pytest.raises(LinksimError, match="it has no workers any more; finished units are kept"):
            pool.restart()


def test_an_address_where_nobody_listens_gives_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linksim.engine.cluster.SECONDS_TO_CONNECT", 1)
    with pytest.raises(LinksimError, match="no scheduler answers"):
        DaskPool("tcp://127.0.0.1:9")


def test_a_cluster_file_becomes_the_job_script_that_slurm_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue", reason="needs the extra 'dask'")
    import dask_jobqueue

    monkeypatch.setattr(dask_jobqueue.SLURMCluster, "scale", lambda self, jobs: None)
    monkeypatch.setattr("shutil.which", lambda command: f"/usr/bin/{command}")
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


def test_a_cluster_file_needs_a_machine_that_can_submit_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue", reason="needs the extra 'dask'")
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "slurm.yaml"
    path.write_text("system: slurm\n")
    with pytest.raises(LinksimError, match="this machine has no 'sbatch'"):
        DaskPool(str(path))


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

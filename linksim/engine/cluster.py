"""Units on the workers of a Dask cluster: a running one, or one that a cluster file asks a batch system for."""

from __future__ import annotations

import shutil
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

from linksim.engine.pools import Pool
from linksim.errors import LinksimError, failed, missing_extra, unknown
from linksim.files import parse_yaml

SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
}
SECONDS_TO_CONNECT = 10
SECONDS_TO_FIRST_WORKER = 3600
SECONDS_TO_RESTART = 300


class DaskPool(Pool):
    """Workers of a Dask cluster, each with one unit at a time; the results are those of one machine.

    Dask runs units in threads, which nothing can interrupt: a unit that takes too long is stopped by restarting the
    workers, so the message does not name the component.

    Args:
        where: A scheduler's address (``tcp://host:8786``) or a cluster file (see ``read_cluster_file``).

    Raises:
        LinksimError: Dask is not installed, no scheduler answers, no worker comes within an hour, or workers have
            more than one thread.
    """

    attempts = 1  # Dask itself tries a unit on four workers before it reports that they died

    def __init__(self, where: str) -> None:
        try:
            from distributed import Client, KilledWorker
        except ImportError:
            raise missing_extra("--dask", "dask") from None
        self.where = where
        self.died = (BrokenExecutor, KilledWorker)
        self.cluster = make_cluster(read_cluster_file(Path(where))) if where.endswith((".yaml", ".yml")) else None
        try:
            self.client = Client(self.cluster or where, timeout=SECONDS_TO_CONNECT)
        except (OSError, ValueError) as error:
            raise LinksimError(f"--dask {where!r}: no scheduler answers there ({error})") from error
        try:
            self._wait_for_worker(SECONDS_TO_FIRST_WORKER)
            if any(count > 1 for count in self._threads().values()):
                raise LinksimError(
                    f"--dask {where!r}: its workers must have one thread each (dask worker --nthreads 1)"
                )
        except BaseException:
            self.close()
            raise
        self.executor = self.client.get_executor(pure=False)

    @property
    def workers(self) -> int:  # type: ignore[override]
        """The number of workers at present, which may grow and shrink."""
        return max(1, len(self._threads()))

    def _threads(self) -> dict[str, int]:
        """The number of threads of each present worker."""
        try:
            found: dict[str, int] = self.client.nthreads()
        except OSError as error:
            raise self._lost("its scheduler is gone") from error
        return found

    def _wait_for_worker(self, seconds: int) -> None:
        try:
            self.client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            raise self._lost(f"no worker came within {seconds} s") from None

    def _lost(self, why: str) -> LinksimError:
        return LinksimError(f"--dask {self.where!r}: {why}; finished units are kept, run the same command to resume")

    def restart(self) -> None:
        """Replace all workers, and wait for the first new one, since a unit's time starts when it is submitted.

        Raises:
            LinksimError: The cluster has no workers, so that a unit's delay says nothing about its method.
        """
        if not self._threads():
            raise self._lost("it has no workers any more")
        try:
            self.client.restart(wait_for_workers=False)
        except OSError as error:
            raise self._lost("its workers cannot be restarted") from error
        self._wait_for_worker(SECONDS_TO_RESTART)

    def stop(self) -> None:
        """Cancel what is running, and the cluster's jobs if a cluster file submitted them."""
        self.executor.shutdown(wait=False)
        self.close()

    def close(self) -> None:
        """Disconnect, and cancel the cluster's jobs if a cluster file submitted them."""
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


def read_cluster_file(path: Path) -> dict[str, Any]:
    """Read a cluster file.

    Args:
        path: A YAML file with the keys ``system`` (slurm, pbs, sge, lsf or htcondor), ``jobs`` (their number, 1 by
            default) and ``options`` (arguments of dask-jobqueue's class).

    Returns:
        The three keys with their values.

    Raises:
        LinksimError: The file cannot be read, or a key or value is not allowed.
    """
    try:
        found = parse_yaml(path.read_bytes())
    except FileNotFoundError:
        raise LinksimError(f"cluster file {str(path)!r}: no such file") from None
    except (OSError, LinksimError) as error:
        raise failed(f"cluster file {str(path)!r} cannot be read", error) from error
    if not isinstance(found, dict) or not set(found) <= {"system", "jobs", "options"}:
        raise LinksimError(f"cluster file {str(path)!r}: must have the keys system, jobs and options, and no others")
    if found.get("system") not in SYSTEMS:
        raise unknown("cluster system", str(found.get("system")), SYSTEMS)
    jobs, options = found.get("jobs", 1), found.get("options") or {}
    if not isinstance(jobs, int) or jobs < 1:
        raise LinksimError(f"cluster file {str(path)!r}: jobs {jobs!r} must be a whole number of at least 1")
    if not isinstance(options, dict):
        raise LinksimError(f"cluster file {str(path)!r}: options must be a table of dask-jobqueue's options")
    return {"system": found["system"], "jobs": jobs, "options": options}


def make_cluster(found: dict[str, Any]) -> Any:
    """Submit the jobs that a cluster file describes; each has one process of one thread per core.

    Args:
        found: What ``read_cluster_file`` returns.

    Returns:
        The dask-jobqueue cluster.

    Raises:
        LinksimError: Dask is not installed, this machine cannot submit jobs, or an option is not known.
    """
    try:
        import dask_jobqueue
    except ImportError:
        raise missing_extra("a cluster file", "dask") from None
    options = {"cores": 1, "memory": "4GB", **found["options"]}
    options.setdefault("processes", options["cores"])
    kind = getattr(dask_jobqueue, SYSTEMS[found["system"]])
    submit = kind.job_cls.submit_command
    if shutil.which(submit) is None:
        raise LinksimError(f"cluster file: this machine has no {submit!r}; start linksim where jobs are submitted")
    try:
        cluster = kind(**options)
    except (TypeError, ValueError) as error:
        raise LinksimError(f"cluster file: {error}") from error
    cluster.scale(jobs=found["jobs"])
    return cluster

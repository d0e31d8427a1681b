"""Units on the workers of a Dask cluster: one that runs already, or one that a cluster file asks a scheduler for."""

from __future__ import annotations

import shutil
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import yaml

from linksim.engine.pools import Pool
from linksim.errors import LinksimError, unknown

SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
}
SECONDS_TO_FIRST_WORKER = 3600


class DaskPool(Pool):
    """Workers of a Dask cluster, one unit each at a time; results are the same as on one machine.

    where: a scheduler's address (``tcp://host:8786``) or a cluster file (see ``read_cluster_file``).
    """

    attempts = 1  # Dask itself gives a unit to four workers before it says that they died

    def __init__(self, where: str) -> None:
        try:
            from distributed import Client, KilledWorker
        except ImportError:
            raise LinksimError("--dask needs the extra 'dask': pip install 'linksim[dask]'") from None
        self.where = where
        self.died = (BrokenExecutor, KilledWorker)
        self.cluster = make_cluster(read_cluster_file(Path(where))) if where.endswith((".yaml", ".yml")) else None
        try:
            self.client = Client(self.cluster or where, timeout="10s")
        except (OSError, ValueError) as error:
            raise LinksimError(f"--dask {where!r}: no scheduler answers there ({error})") from error
        try:
            self.client.wait_for_workers(1, timeout=SECONDS_TO_FIRST_WORKER)
            if any(count > 1 for count in self._threads().values()):
                raise LinksimError(
                    f"--dask {where!r}: its workers must have one thread each (dask worker --nthreads 1)"
                )
        except TimeoutError:
            self.close()
            raise LinksimError(f"--dask {where!r}: no worker came within {SECONDS_TO_FIRST_WORKER} s") from None
        except BaseException:
            self.close()
            raise
        self.executor = self.client.get_executor(pure=False)

    @property
    def workers(self) -> int:  # type: ignore[override]
        """As many units in flight as there are workers now: a cluster may grow."""
        return max(1, len(self._threads()))

    def _threads(self) -> dict[str, int]:
        """Threads of each worker that is there now."""
        try:
            found: dict[str, int] = self.client.nthreads()
        except OSError as error:
            raise self._lost("its scheduler is gone") from error
        return found

    def _lost(self, why: str) -> LinksimError:
        return LinksimError(f"--dask {self.where!r}: {why}; what is finished is kept, run the same command to go on")

    def restart(self) -> None:
        """New workers for those that hang or died. Without any, nobody may be blamed for what takes too long."""
        if not self._threads():
            raise self._lost("it has no workers any more")
        try:
            self.client.restart(wait_for_workers=False)
        except OSError as error:
            raise self._lost("its workers cannot be restarted") from error

    def stop(self) -> None:
        self.executor.shutdown(wait=False)
        self.close()

    def close(self) -> None:
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


def read_cluster_file(path: Path) -> dict[str, Any]:
    """A cluster file: ``system`` (slurm, pbs, ...), ``jobs`` (how many), and ``options`` for dask-jobqueue's class."""
    try:
        found = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise LinksimError(f"cluster file {str(path)!r}: no such file") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise LinksimError(f"cluster file {str(path)!r} cannot be read: {' '.join(str(error).split())}") from error
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
    """The cluster that a file describes, its jobs submitted: one process of one thread per core asked for."""
    try:
        import dask_jobqueue
    except ImportError:
        raise LinksimError("a cluster file needs the extra 'dask': pip install 'linksim[dask]'") from None
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

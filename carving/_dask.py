"""Dask as one of the executors: workers on this machine, or those of a scheduler somewhere."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carving._zarr import one_line
from carving.errors import CarvingError, InvalidInput, MissingDependency

if TYPE_CHECKING:
    from distributed import LocalCluster

_FORMS = "give local, local:N for N processes, or a scheduler's address such as tcp://host:8786"
_SECONDS_TO_CONNECT = "10s"

log = logging.getLogger("carving.dask")


def check_dask(where: str) -> None:
    """Raise ``InvalidInput`` unless this is written as :func:`dask_executor` reads it."""
    if not re.fullmatch(r"local(:[1-9]\d{0,3})?|(tcp|tls|ucx|ws|wss)://\S+:\d+", where):
        raise InvalidInput(f"{where!r} is no place of Dask workers; {_FORMS}")


@contextmanager
def dask_executor(where: str) -> Iterator[Executor]:
    """An executor whose tasks are done by Dask; for ``build_tree`` and ``place``.

    Parameters
    ----------
    where
        ``"local"``, as many processes of one thread as there are cores; ``"local:N"``, N of them; or the
        address of a scheduler.

    Raises
    ------
    InvalidInput
        If it is neither, or no scheduler answers.
    MissingDependency
        If Dask is not installed.
    CarvingError
        If the workers keep dying over a task, or the cluster goes away.
    """
    check_dask(where)
    try:
        import dask
        from distributed import Client, KilledWorker, LocalCluster
    except ImportError:
        raise MissingDependency(
            f"dask: {where} needs the package dask[distributed]; install it with pip install 'carving[dask]'"
        ) from None
    kind, _, number = where.partition(":")
    # samples that lie in the memory of this process have to be sent: Dask warns of every large task
    settings = {
        "distributed.admin.large-graph-warning-threshold": "10GiB",
        "distributed.comm.timeouts.connect": _SECONDS_TO_CONNECT,
        # Dask has its workers give memory back at every chance, of which the solver's arrays give many:
        # fetching it again takes as long as the products
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    }
    with dask.config.set(settings):  # pyright: ignore[reportPrivateImportUsage]
        try:
            cluster = None
            if kind == "local":
                cluster = LocalCluster(
                    n_workers=int(number) if number else None,
                    threads_per_worker=1,
                    dashboard_address=None,  # pyright: ignore[reportArgumentType]
                    silence_logs=logging.ERROR,
                )
            client = Client(where if cluster is None else cluster, set_as_default=False)
        except OSError as error:
            raise InvalidInput(
                f"dask: {where}: no scheduler answers ({one_line(error)}); check the address, or start one "
                "with `dask scheduler`"
            ) from None
        try:
            # no task is given twice: to compare what they are about would take long
            yield client.get_executor(pure=False)
        except KilledWorker as error:
            raise CarvingError(
                f"dask: {where}: a task has killed {error.allowed_failures + 1} workers; give them more "
                "memory, or a smaller batch size"
            ) from None
        except CancelledError as error:
            raise CarvingError(
                f"dask: {where}: the cluster went away ({one_line(error)}); what was finished is kept in "
                "the work folder if there is one"
            ) from None
        finally:
            client.close()
            if cluster is not None:
                _close(cluster)


def _close(cluster: LocalCluster) -> None:
    """End the workers of this process; what has happened to their tasks is never hidden by how they end."""
    try:
        cluster.close()
    except Exception:
        # a worker that is just being started anew cannot be ended; it ends with this process
        log.info("dask: the workers did not end as they should", exc_info=True)

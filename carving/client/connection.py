"""A connection to a service, and what is there."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from carving._files import check_output
from carving.client._http import API, address
from carving.client._samples import KIND as SAMPLES_KIND
from carving.client._samples import LABELS_KIND, Rows, labels_body, names_of
from carving.client.checkpoints import RemoteCheckpoints
from carving.client.jobs import Job
from carving.client.tree import RemoteTree
from carving.data import samples_from_rows
from carving.errors import InvalidInput

if TYPE_CHECKING:
    from carving._progress import ProgressCallback
    from carving.client._http import Session
    from carving.data import Labels
    from carving.meanfield import FixedPoints
    from carving.tree import Placement


class Connection:
    """A service elsewhere, with the verbs of the library. :func:`connect` makes one.

    It may be used by several threads, and as a ``with`` block that closes it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._session.url

    @property
    def stores(self) -> list[str]:
        """Names of the checkpoint stores."""
        return [store["name"] for store in self._session.json(f"{API}/stores")["stores"]]

    @property
    def trees(self) -> list[str]:
        """Names of the trees."""
        return [tree["name"] for tree in self._session.json(f"{API}/trees")["trees"]]

    def open_checkpoints(self, name: str) -> RemoteCheckpoints:
        """A checkpoint store; see :func:`carving.open_checkpoints`.

        Raises
        ------
        MissingFile
            If the service has none of that name.
        """
        return RemoteCheckpoints(self._session, name)

    def load_tree(self, name: str) -> RemoteTree:
        """A tree; see :func:`carving.load_tree`.

        Raises
        ------
        MissingFile
            If the service has none of that name.
        """
        return RemoteTree(self._session, name)

    def fixed_points(
        self,
        run: str | RemoteCheckpoints,
        samples: object,
        *,
        age: int | None = None,
        order: int = 2,
        tolerance: float = 1e-6,
        progress: ProgressCallback | None = None,
    ) -> FixedPoints:
        """Fixed points of samples; see :meth:`RemoteCheckpoints.fixed_points`."""
        opened = self.open_checkpoints(run) if isinstance(run, str) else run
        return opened.fixed_points(samples, age=age, order=order, tolerance=tolerance, progress=progress)

    def place(
        self, tree: str | RemoteTree, samples: Any, *, progress: ProgressCallback | None = None
    ) -> Placement:
        """Where new samples fall in a tree; see :meth:`RemoteTree.place`."""
        opened = self.load_tree(tree) if isinstance(tree, str) else tree
        return opened.place(samples, progress=progress)

    # ---- jobs

    @property
    def jobs(self) -> list[Job]:
        """The newest thousand jobs, the newest first."""
        found = self._session.json(f"{API}/jobs", parameters={"limit": 1000})["jobs"]
        return [Job(self._session, facts) for facts in found]

    def job(self, id: str) -> Job:
        """A job that was submitted before.

        Raises
        ------
        MissingFile
            If the service knows none of that name.
        """
        return Job(self._session, self._session.json(address("jobs", id)))

    def submit(self, kind: str, parameters: Mapping[str, Any], *, key: str | None = None) -> Job:
        """Have something done that takes longer than a request may.

        Parameters
        ----------
        kind
            ``"build-tree"``, ``"train"``, ``"transitions"``, ``"fixed-points"``, ``"placements"``, or what
            else the service offers.
        parameters
            As the service describes them at ``/docs``. Samples and labels are what :meth:`upload` or
            :meth:`upload_labels` give, or ``{"file": name}`` of the workspace.
        key
            Submitted again with the same one, it is the same job; by default a new one.
        """
        try:
            body = json.dumps(dict(parameters), default=_plain, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"parameters: are nothing that JSON can carry ({error}); give plain values"
            ) from None
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or uuid.uuid4().hex}
        facts = self._session.json(address("jobs", kind), method="POST", headers=headers, body=body)
        return Job(self._session, facts)

    def upload(self, samples: Any, *, names: Sequence[str] | np.ndarray | None = None) -> dict[str, str]:
        """Leave samples at the service, for jobs to name.

        Parameters
        ----------
        samples
            As for :meth:`RemoteTree.place`, but for text, which is no numbers without a machine: all of them
            at once, so that the service has to take as many.
        names
            Of the samples; by default their own, or the numbers of their rows.

        Returns
        -------
        dict
            What jobs call them; the service keeps it for a day, or as long as a job needs it.
        """
        rows = Rows(samples, lambda: None)
        body = rows.body(names=names_of(samples, names, len(rows)))
        return self._uploaded(body, SAMPLES_KIND)

    def upload_labels(
        self, labels: Labels | Mapping[str, Sequence[str] | np.ndarray], names: Sequence[str] | np.ndarray
    ) -> dict[str, str]:
        """Leave labels at the service, for jobs to name.

        Parameters
        ----------
        labels
            Label columns, aligned with the names. Their colours stay here.
        names
            Of the samples.
        """
        return self._uploaded(labels_body(labels, np.array(list(names), dtype=object)), LABELS_KIND)

    def _uploaded(self, body: bytes, kind: str) -> dict[str, str]:
        headers = {"Content-Type": kind}
        found = self._session.json(f"{API}/uploads", method="POST", headers=headers, body=body)
        return {"upload": found["upload"]}

    def build_tree(
        self,
        run: str | RemoteCheckpoints,
        samples: Any = None,
        *,
        output: str,
        names: Sequence[str] | np.ndarray | None = None,
        labels: Labels | Mapping[str, Sequence[str] | np.ndarray] | None = None,
        order: int = 2,
        tolerance: float = 1e-6,
        iteration: str = "plain",
        linkage_distance: float = 0.035,
        ages: str | Sequence[int] = "all",
        progress: ProgressCallback | None = None,
    ) -> RemoteTree:
        """The family tree of samples, as a new tree of the service; see :func:`carving.build_tree`.

        Returns when it is built; Ctrl-C ends the waiting, not the work. :meth:`submit` does not wait.

        Parameters
        ----------
        run
            The checkpoints.
        samples
            As for :meth:`upload`; by default those that the store has kept.
        output
            The name that the tree shall have at the service.
        names, labels
            Of the samples that are given.
        order, tolerance, iteration, linkage_distance, ages
            As for :func:`carving.build_tree`.
        progress
            Called as the work goes on.

        Raises
        ------
        OutputExists
            If the service has something of that name.
        InvalidInput
            If samples do not fit, or settings are out of range.
        CarvingError
            If the work fails there, or is cancelled.
        """
        if samples is None and (names is not None or labels is not None):
            raise InvalidInput("labels: are those of samples that are given; give samples too")
        store = run if isinstance(run, str) else run.name
        parameters: dict[str, Any] = {
            "store": store,
            "output": output,
            "order": order,
            "tolerance": tolerance,
            "iteration": iteration,
            "linkage_distance": linkage_distance,
            "ages": ages if isinstance(ages, str) else ",".join(str(int(age)) for age in ages),
        }
        if samples is not None:
            numbers = self._in_numbers(samples, store)
            parameters["samples"] = self.upload(numbers, names=names)
            if labels is not None:
                parameters["labels"] = self.upload_labels(labels, names_of(numbers, names, len(numbers)))
        made = self.submit("build-tree", parameters).result(progress=progress)
        assert isinstance(made, RemoteTree)
        return made

    def _in_numbers(self, samples: Any, store: str) -> Any:
        """Samples that are text, as the machine's numbers; others as they are."""
        if isinstance(samples, list | tuple) and samples and isinstance(samples[0], str):
            return samples_from_rows(list(samples), alphabet=self.open_checkpoints(store).alphabet)
        return samples

    def train(
        self,
        samples: Any,
        output: str,
        *,
        names: Sequence[str] | np.ndarray | None = None,
        progress: ProgressCallback | None = None,
        **settings: Any,
    ) -> RemoteCheckpoints:
        """Train a machine at the service, as a new checkpoint store there; see :func:`carving.train`.

        Returns when it is trained; Ctrl-C ends the waiting, not the work.

        Parameters
        ----------
        samples, names
            As for :meth:`upload`.
        output
            The name that the store shall have at the service.
        progress
            Called as the work goes on.
        **settings
            Those of :func:`carving.train`: ``hidden``, ``updates``, ``save``, ….

        Raises
        ------
        OutputExists
            If the service has something of that name.
        InvalidInput
            If settings are unknown or out of range.
        CarvingError
            If the work fails there, or is cancelled.
        """
        parameters = {"samples": self.upload(samples, names=names), "output": output, **settings}
        made = self.submit("train", parameters).result(progress=progress)
        assert isinstance(made, RemoteCheckpoints)
        return made

    def transitions(
        self,
        run: str | RemoteCheckpoints,
        path: str | os.PathLike[str],
        *,
        tree: str | RemoteTree | None = None,
        samples: Any = None,
        force: bool = False,
        progress: ProgressCallback | None = None,
        **settings: Any,
    ) -> None:
        """The cascade of transitions of a training, as a .zip of what ``carve transitions`` writes.

        Returns when it is there; Ctrl-C ends the waiting, not the work.

        Parameters
        ----------
        run
            The checkpoints.
        path
            The .zip, which appears whole or not at all.
        tree
            The tree whose branches to look at; by default one is built.
        samples
            As for :meth:`upload`; by default those that the store has kept.
        force
            Replace what is there.
        progress
            Called as the work goes on.
        **settings
            ``directions``, ``precision``, ``sampling``, …, as ``carve transitions`` has them.
        """
        check_output(path, force=force)
        store = run if isinstance(run, str) else run.name
        parameters: dict[str, Any] = {"store": store, **settings}
        if tree is not None:
            parameters["tree"] = tree if isinstance(tree, str) else tree.name
        if samples is not None:
            parameters["samples"] = self.upload(self._in_numbers(samples, store))
        self.submit("transitions", parameters).download(path, force=force, progress=progress)

    def close(self) -> None:
        """Close it; what was opened over it can be asked no more."""
        self._session.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as JSON has them."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is neither number nor text")

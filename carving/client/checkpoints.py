"""A checkpoint store that is elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from carving.client import _samples, _tables
from carving.client._http import address, own_errors
from carving.client._samples import Rows
from carving.client._tables import Columns

if TYPE_CHECKING:
    from carving._progress import ProgressCallback
    from carving.client._http import Session
    from carving.meanfield import FixedPoints
    from carving.rbm import RBM
    from carving.tree import Trajectories
    from carving.units import Unit

_MOST_POINTS = 2_000
_MOST_TRAJECTORIES = 100
_PARAMETERS = ("weights", "visible_bias", "hidden_bias")


class RemoteCheckpoints:
    """The machines of one training at a service, by age; each is fetched when it is asked for.

    Made by :meth:`Connection.open_checkpoints`. What it has is what a
    :class:`carving.CheckpointSequence` has; machines are the library's own :class:`carving.RBM`, to be used
    here, and :meth:`fixed_points` and :meth:`trajectories` are computed there.
    """

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self._address = address("stores", name)
        self._facts = session.json(self._address)

    # ---- what is in it

    @property
    def name(self) -> str:
        """What the service calls it."""
        return self._name

    @property
    def path(self) -> str:
        """Its address, for messages."""
        return f"{self._session.url}{self._address}"

    @cached_property
    def _ages(self) -> Columns:
        return _tables.table(self._session, f"{self._address}/ages", ["age"])

    @property
    def ages(self) -> np.ndarray:
        """Number of updates of every checkpoint, int64, strictly increasing."""
        return self._ages["age"].copy()

    def __len__(self) -> int:
        return len(self._ages["age"])

    def __getitem__(self, index: SupportsIndex) -> RBM:
        return self._machine(int(self._ages["age"][range(len(self))[index.__index__()]]))

    def __iter__(self) -> Iterator[RBM]:
        return (self[index] for index in range(len(self)))

    def at_age(self, age: int) -> RBM:
        """The machine after ``age`` updates.

        Raises
        ------
        InvalidInput
            If there is no checkpoint of that age.
        """
        self.select([age])
        return self._machine(age)

    def select(self, ages: str | Sequence[int]) -> np.ndarray:
        """Some of the ages, increasing: see :func:`carving.checkpoints.select_ages`."""
        from carving.checkpoints import select_ages

        return select_ages(self._ages["age"], ages, source=self.path)

    @property
    def visible(self) -> Unit:
        """The visible unit."""
        return self._unit("visible", states=self._facts["states"])

    @property
    def hidden(self) -> Unit:
        """The hidden unit."""
        return self._unit("hidden", precision=self._facts["hidden_precision"])

    @property
    def visible_size(self) -> int | None:
        """N_v; None while there is no checkpoint."""
        return self._facts["visible_size"]

    @property
    def hidden_size(self) -> int | None:
        """N_h; None while there is no checkpoint."""
        return self._facts["hidden_size"]

    @property
    def beta(self) -> float:
        """The inverse temperature β of every machine."""
        return self._facts["beta"]

    @property
    def alphabet(self) -> str | None:
        """Letters of the Potts states in order of their codes, where the data were sequences."""
        return self._facts["alphabet"]

    @property
    def has_samples(self) -> bool:
        """Whether the training samples were kept."""
        return self._facts["has_samples"]

    @property
    def being_written(self) -> bool:
        """Whether it was being written to when it was opened."""
        return self._facts["being_written"]

    @property
    def fingerprint(self) -> str:
        """A digest of ages, units and parameters: equal for equal machines, wherever they are stored."""
        return self._facts["fingerprint"]

    @property
    def elapsed_seconds(self) -> np.ndarray:
        """Duration of the training at every checkpoint, float64; NaN where it is not known."""
        return self._ages.get("elapsed_seconds", np.empty(0)).copy()

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """What was measured at every checkpoint, by name, float32; NaN where it was not."""
        own = ("age", "elapsed_seconds")
        return {name: values.copy() for name, values in self._ages.items() if name not in own}

    # ---- what the service computes

    def fixed_points(
        self,
        samples: object,
        *,
        age: int | None = None,
        order: int = 2,
        tolerance: float = 1e-6,
        progress: ProgressCallback | None = None,
    ) -> FixedPoints:
        """The fixed point of Γ that each sample belongs to; see :func:`carving.fixed_points`.

        Parameters
        ----------
        samples
            As for :func:`carving.fixed_points`, or lists of numbers or of text. Many of them are sent in
            parts.
        age
            Of the machine; the oldest by default.
        order
            Order of Plefka's expansion.
        tolerance
            Largest estimated error of a converged row.
        progress
            Called with the rows done.

        Returns
        -------
        FixedPoints
            In the order of the samples, the very numbers of the service; ``spent`` is not known.

        Raises
        ------
        InvalidInput
            For samples that do not fit the machine, or settings out of range.
        ServiceFailure
            If the service cannot be reached, or does not manage.
        """
        import torch

        from carving.meanfield import FixedPoints

        names = [field.name for field in fields(FixedPoints) if field.name != "spent"]
        settings = {"age": age, "order": order, "tolerance": tolerance}
        columns = self._asked("fixed-points", samples, names, settings, _MOST_POINTS, progress)
        found: dict[str, Any] = {name: torch.from_numpy(columns[name]) for name in names}
        return FixedPoints(**found)

    def trajectories(
        self,
        samples: object,
        *,
        ages: str | Sequence[int] = "all",
        order: int = 2,
        tolerance: float = 1e-6,
        progress: ProgressCallback | None = None,
    ) -> Trajectories:
        """The fixed points of samples at the oldest age, followed to the youngest; see
        :func:`carving.tree.trajectories`.

        Parameters
        ----------
        samples, order, tolerance, progress
            As for :meth:`fixed_points`.
        ages
            Which ages: ``"all"``, ``"every:N"``, ``"log:N"``, or a list.
        """
        import torch

        from carving.tree import Trajectories

        chosen = self.select(ages)[::-1]
        names = [field.name for field in fields(Trajectories)]
        settings = {
            "ages": ",".join(map(str, chosen.tolist())),
            "order": order,
            "tolerance": tolerance,
            "points": True,
        }
        columns = self._asked("trajectories", samples, names, settings, _MOST_TRAJECTORIES, progress)
        shaped = {
            name: torch.from_numpy(columns[name].reshape(-1, len(chosen), *columns[name].shape[1:]))
            for name in names
            if name != "age"
        }
        return Trajectories(age=chosen.copy(), **shaped)

    def _asked(
        self,
        what: str,
        samples: object,
        names: Sequence[str],
        settings: dict[str, Any],
        most: int,
        progress: ProgressCallback | None,
    ) -> Columns:
        def ask(body: bytes) -> Columns:
            content = self._session.content(
                "POST",
                f"{self._address}/{what}",
                accept=_tables.KIND,
                parameters=settings,
                body=body,
                kind=_samples.KIND,
            )
            return _tables.read_columns(content, self._session.url)

        rows = Rows(samples, lambda: self.alphabet)
        parts = rows.in_parts(ask, most=most, stage=what.replace("-", " "), progress=progress)
        return _tables.joined(parts, names, self._session.url)

    # ---- inside

    def _machine(self, age: int) -> RBM:
        from carving.rbm import RBM

        with own_errors():
            content = self._session.content("GET", f"{self._address}/machines/{age}", accept=_tables.KIND)
        columns = _tables.joined(
            [_tables.read_columns(content, self._session.url)], _PARAMETERS, self._session.url
        )
        parameters = [columns[name] for name in _PARAMETERS]
        return RBM(*parameters, visible=self.visible, hidden=self.hidden, beta=self.beta)

    def _unit(self, layer: str, *, states: int | None = None, precision: float | None = None) -> Unit:
        from carving.units import resolve_unit

        return resolve_unit(self._facts[layer], states=states, precision=precision)

    def __repr__(self) -> str:
        facts = self._facts
        ages = f", ages {facts['youngest_age']:,} … {facts['oldest_age']:,}" if facts["ages"] > 1 else ""
        machines = f"{facts['ages']} machine" + "s" * (facts["ages"] != 1)
        states = f" of {facts['states']} states" if facts["states"] else ""
        return (
            f"RemoteCheckpoints({self.path!r}): {machines}{ages}\n"
            f"  visible {facts['visible']}{states} ({self.visible_size or '?'}), "
            f"hidden {facts['hidden']} ({self.hidden_size or '?'}), beta {self.beta:g}"
        )

"""``CheckpointSequence``: the machines of one training, oldest and youngest, in a zarr store."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from carving._files import whole_folder
from carving._place import ROOT_DOCUMENT, Place, find_place, one_line
from carving.checkpoints import _writer
from carving.checkpoints._arrays import read_ages, read_array
from carving.checkpoints._fitting import fitting_age, fitting_parameters, learn_states
from carving.checkpoints._lock import WriterLock, is_locked
from carving.checkpoints._metadata import PARAMETERS, Metadata, read_metadata
from carving.checkpoints._start import check_target, plain_json, plain_metrics, start_store
from carving.checkpoints.ages import select_ages
from carving.errors import CorruptStore, InvalidInput

if TYPE_CHECKING:
    from carving.rbm import RBM
    from carving.units import Unit


class CheckpointSequence:
    """The machines of one training, by age (number of updates); each is read when it is asked for.

    Made by :func:`open_checkpoints`, :func:`create_checkpoints`, :func:`import_checkpoints` or
    :func:`carving.train`. ``run[i]`` is the i-th machine, youngest first; ``run[-1]`` the oldest.
    A sequence that was opened for writing holds a lock until :meth:`close`, or the end of a ``with``
    block, or the end of its process.
    """

    def __init__(self, place: Place, metadata: Metadata, lock: WriterLock | None = None) -> None:
        self._place = place
        self._metadata = metadata
        self._lock = lock
        self._ages = read_ages(place, metadata)

    # ---- what is in it

    @property
    def path(self) -> str:
        """Path or URL of the store."""
        return self._place.name

    @property
    def ages(self) -> np.ndarray:
        """Number of updates of every checkpoint, int64, strictly increasing."""
        return self._ages.copy()

    def __len__(self) -> int:
        return len(self._ages)

    def __getitem__(self, index: SupportsIndex) -> RBM:
        return self._machine(range(len(self))[index.__index__()])

    def __iter__(self) -> Iterator[RBM]:
        return (self._machine(index) for index in range(len(self)))

    def at_age(self, age: int) -> RBM:
        """The machine after ``age`` updates.

        Raises
        ------
        InvalidInput
            If there is no checkpoint of that age.
        """
        self.select([age])
        return self._machine(int(np.searchsorted(self._ages, age)))

    def select(self, ages: str | Sequence[int]) -> np.ndarray:
        """Some of the ages, increasing: see :func:`carving.checkpoints.select_ages`."""
        return select_ages(self._ages, ages, source=self.path)

    @property
    def visible(self) -> Unit:
        """The visible unit."""
        return self._unit("visible_unit")

    @property
    def hidden(self) -> Unit:
        """The hidden unit."""
        return self._unit("hidden_unit")

    @property
    def visible_size(self) -> int | None:
        """N_v; None while there is no checkpoint."""
        return self._size("visible_bias", 1)

    @property
    def hidden_size(self) -> int | None:
        """N_h; None while there is no checkpoint."""
        return self._size("hidden_bias", 1)

    @property
    def beta(self) -> float:
        """The inverse temperature β of every machine."""
        return float(self._metadata.attributes["beta"])

    @property
    def alphabet(self) -> str | None:
        """Letters of the Potts states in order of their codes, where the data were sequences."""
        return self._metadata.attributes.get("alphabet")

    @property
    def training(self) -> dict[str, Any]:
        """The hyperparameters of the training and its seed."""
        return copy.deepcopy(self._metadata.attributes["training"])

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions of the packages that wrote the store, and what else was given."""
        return copy.deepcopy(self._metadata.attributes["provenance"])

    @property
    def elapsed_seconds(self) -> np.ndarray:
        """Duration of the training at every checkpoint, float64; NaN where it is not known."""
        if "elapsed_seconds" not in self._metadata.contents:
            return np.empty(0)
        return read_array(self._place, self._metadata, "elapsed_seconds")

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """What was measured at every checkpoint, by name, float32; NaN where it was not."""
        return {
            str(document["attributes"]["name"]): read_array(self._place, self._metadata, path)
            for path, document in self._metadata.documents.items()
            if path.startswith("metrics/")
        }

    @property
    def has_samples(self) -> bool:
        """Whether the training samples were kept."""
        return "samples" in self._metadata.contents

    @property
    def samples(self) -> np.ndarray | None:
        """The training samples (n, N_v), uint8 or int8, where they were kept. Read at every call."""
        return self._optional("samples")

    @property
    def names(self) -> np.ndarray | None:
        """Names of the kept samples (n,), where they were given."""
        return self._optional("names")

    @property
    def fingerprint(self) -> str:
        """A digest of ages, units and parameters: equal for equal machines, wherever they are stored."""
        return self._metadata.fingerprint()

    @property
    def being_written(self) -> bool:
        """Whether a writer other than this object has the store open now."""
        folder = self._place.folder
        return folder is not None and self._lock is None and is_locked(folder)

    def resume_state(self) -> dict[str, np.ndarray] | None:
        """What the training stored to go on from the last checkpoint; None if it stored nothing."""
        if self._metadata.attributes["resume"] is None:
            return None
        return _writer.read_resume(self._place, self._metadata)

    def verify(self) -> None:
        """Read everything that is committed and compare it with its digest.

        Raises
        ------
        CorruptStore
            If anything differs.
        """
        for path in self._metadata.contents:
            if path not in PARAMETERS:
                read_array(self._place, self._metadata, path)
        for _ in self:
            pass

    def __repr__(self) -> str:
        number = len(self)
        machines = f"{number} machine" + "s" * (number != 1)
        ages = f", ages {self._ages[0]:,} … {self._ages[-1]:,}" if number > 1 else ""
        ages = f", age {self._ages[0]:,}" if number == 1 else ages
        attributes = self._metadata.attributes
        states = f" of {attributes['states']} states" if attributes.get("states") else ""
        lines = [f"CheckpointSequence({self.path!r}): {machines}{ages}"]
        layers = (
            f"  visible {attributes['visible_unit']}{states} ({self.visible_size or '?'}), "
            f"hidden {attributes['hidden_unit']} ({self.hidden_size or '?'}), beta {self.beta:g}"
        )
        lines.append(layers + (f", alphabet {self.alphabet}" if self.alphabet else ""))
        documents = self._metadata.documents
        if "samples" in documents:
            lines.append(f"  {documents['samples']['shape'][0]:,} samples kept")
        names = [str(x["attributes"]["name"]) for path, x in documents.items() if path.startswith("metrics/")]
        if names:
            lines.append("  metrics " + ", ".join(names))
        return "\n".join(lines)

    def _size(self, path: str, axis: int) -> int | None:
        return self._metadata.documents[path]["shape"][axis] if path in self._metadata.documents else None

    def _optional(self, path: str) -> np.ndarray | None:
        if path not in self._metadata.contents:
            return None
        return read_array(self._place, self._metadata, path)

    def _unit(self, layer: str) -> Unit:
        from carving.units import resolve_unit

        attributes = self._metadata.attributes
        states, precision = attributes.get("states"), attributes.get("hidden_precision")
        try:
            return resolve_unit(attributes[layer], states=states, precision=precision)
        except InvalidInput as error:
            raise CorruptStore(f"{self.path}: {layer}: {error}") from None

    def _machine(self, index: int) -> RBM:
        from carving.rbm import RBM

        parameters = [read_array(self._place, self._metadata, path, index) for path in PARAMETERS]
        try:
            return RBM(*parameters, visible=self.visible, hidden=self.hidden, beta=self.beta)
        except InvalidInput as error:
            place = f"{self.path}: checkpoint {index} (age {self._ages[index]})"
            raise CorruptStore(f"{place}: {error}") from None

    # ---- writing

    def append(
        self,
        rbm: RBM,
        *,
        updates: int,
        elapsed_seconds: float | None = None,
        metrics: Mapping[str, float] | None = None,
        resume: Mapping[str, np.ndarray] | None = None,
        training: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a machine; when this returns it is committed, and before it the store is the old one.

        Parameters
        ----------
        rbm
            The machine, of the sequence's units, β and sizes; stored in float32.
        updates
            Its age: more than that of the last checkpoint.
        elapsed_seconds
            Duration of the training until now.
        metrics
            What was measured, by name.
        resume
            Arrays of any plain dtype, by name, with which the training can go on from here.
        training
            Takes the place of :attr:`training`, when a training was made longer than was first meant.

        Raises
        ------
        InvalidInput
            If the sequence is open for reading only, or the machine or its age do not fit the others.
        """
        if self._lock is None:
            raise InvalidInput(
                f"{self.path}: is open for reading; open it with open_checkpoints(…, writable=True)"
            )
        place, metadata = self._place, copy.deepcopy(self._metadata)
        assert place.folder is not None
        age = fitting_age(self._ages, updates, source=self.path)
        parameters = fitting_parameters(rbm, metadata, source=self.path)
        learn_states(metadata.attributes, rbm, source=self.path)
        metrics = plain_metrics(metrics or {}, source=self.path)
        if training is not None:
            metadata.attributes["training"] = plain_json(training, source="training")
        try:
            if "weights" not in metadata.contents:
                shapes = {path: values.shape for path, values in parameters.items()}
                _writer.start_arrays(place, metadata, {**shapes, "elapsed_seconds": ()})
            _writer.lengthen(place.folder, metadata)
            _writer.write_parameters(place, metadata, parameters)
            _writer.write_row(place, metadata, "updates", age)
            elapsed = np.nan if elapsed_seconds is None else float(elapsed_seconds)
            _writer.write_row(place, metadata, "elapsed_seconds", elapsed)
            _writer.write_metrics(place, metadata, metrics)
            _writer.write_resume(place, metadata, resume)
            metadata.attributes["committed"] += 1
            _writer.write_document(place.folder, ROOT_DOCUMENT, metadata.root_document())
        except OSError as error:
            raise InvalidInput(
                f"{self.path}: checkpoint of age {age} could not be written ({one_line(error)}); "
                "the earlier ones are intact"
            ) from error
        self._metadata = metadata
        self._ages = np.append(self._ages, np.int64(age))

    def close(self) -> None:
        """Give up the right to write; the sequence stays readable."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> CheckpointSequence:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_checkpoints(path: str | os.PathLike[str], *, writable: bool = False) -> CheckpointSequence:
    """Open a checkpoint store: a folder, a ``.zip`` of one, or a URL that fsspec knows.

    Parameters
    ----------
    path
        Where it is.
    writable
        Open it for :meth:`CheckpointSequence.append`; folders only, and one writer at a time.

    Raises
    ------
    MissingFile
        If there is nothing.
    CorruptStore
        If it is no checkpoint store, or damaged.
    InvalidInput
        If it shall be written to and cannot be, or another writer has it open.
    """
    place = find_place(path)
    if not writable:
        return CheckpointSequence(place, read_metadata(place))
    if place.folder is None:
        raise InvalidInput(f"{place.name}: only folders can be written to; unpack or copy the store first")
    read_metadata(place)
    lock = WriterLock(place.folder)
    # what was read before the lock was had may have been another writer's
    metadata = read_metadata(place)
    _writer.sweep(place.folder, metadata)
    return CheckpointSequence(place, metadata, lock)


def create_checkpoints(
    path: str | os.PathLike[str],
    *,
    visible: str | Unit = "bernoulli",
    hidden: str | Unit = "bernoulli",
    beta: float = 1.0,
    alphabet: str | None = None,
    training: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    samples: np.ndarray | None = None,
    names: Sequence[str] | np.ndarray | None = None,
    force: bool = False,
) -> CheckpointSequence:
    """A new, empty checkpoint store, open for :meth:`CheckpointSequence.append`.

    Parameters
    ----------
    path
        The folder that shall be the store.
    visible, hidden
        Units of the machines; the number of Potts states may be left to the first machine.
    beta
        Their inverse temperature.
    alphabet
        Letters of the Potts states in order of their codes, where the data are sequences.
    training
        Hyperparameters and seed, as JSON can hold them.
    provenance
        Where data and machines come from; versions of packages are added.
    samples
        The training samples (n, N_v), to be kept in the store: small whole numbers.
    names
        Their names, distinct and not empty.
    force
        Replace what is at ``path``.

    Raises
    ------
    OutputExists
        If there is something at ``path`` and ``force`` is not given.
    InvalidInput
        If an option cannot be stored, or another writer has the store there open.
    """
    folder = check_target(path, force=force)
    with whole_folder(folder, force=force) as inside:
        start_store(
            inside,
            visible=visible,
            hidden=hidden,
            beta=beta,
            alphabet=alphabet,
            training=training,
            provenance=provenance,
            samples=samples,
            names=names,
        )
    return open_checkpoints(folder, writable=True)

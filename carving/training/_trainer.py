"""From samples to a store of checkpoints."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carving._device import resolve_device
from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence, create_checkpoints, open_checkpoints
from carving.data import Samples
from carving.errors import CarvingError, InvalidInput
from carving.training._data import Minibatches, TrainingData, read_training_data
from carving.training._gradient import Moments, ascend
from carving.training._machine import LearningMachine
from carving.training._monitor import Monitor
from carving.training._settings import Settings, default_learning_rate
from carving.training._start import first_machine
from carving.training.estimators import find_estimator
from carving.training.schedule import save_ages
from carving.units import Unit, resolve_unit

# samples of at least this size are not copied into the store unless asked for
_KEPT_BYTES = 64 * 2**20
# updates between two looks at whether the parameters are still numbers
_LOOK_EVERY = 50
_SECONDS_BETWEEN_REPORTS = 0.1


def train(
    samples: Samples | np.ndarray | Tensor,
    path: str | os.PathLike[str],
    *,
    hidden: int = 100,
    visible: str | Unit | None = None,
    hidden_unit: str | Unit = "bernoulli",
    updates: int = 5000,
    method: str = "pcd",
    k: int = 10,
    chains: int = 500,
    batch_size: int = 500,
    learning_rate: float | None = None,
    weight_scale: float = 0.01,
    save: str = "exponential:60",
    seed: int = 0,
    keep_samples: bool | None = None,
    resume: bool = False,
    names: Sequence[str] | np.ndarray | None = None,
    alphabet: str | None = None,
    force: bool = False,
    progress: ProgressCallback | None = None,
    device: str = "cpu",
) -> CheckpointSequence:
    """Train a machine and save it along the way.

    Steps of equal size up the centred gradient of the log-likelihood, in single precision, from
    small random weights. The strongest modes of the data are learned first (mathematics §6); steps that
    are small enough, and checkpoints that are dense enough, show them one after the other.

    Parameters
    ----------
    samples
        :class:`carving.Samples`, or a table (n, N_v) of 0/1, of ±1 or of codes of states, or one-hot
        (n, N_v, q).
    path
        The folder for the checkpoint store.
    hidden
        Number N_h of hidden units. Splits that need more modes than there are hidden units do not show.
    visible
        ``"bernoulli"``, ``"spin"``, ``"potts"`` or a unit; by default what the samples look like.
        ``"potts"`` without an alphabet takes as many states as the largest code says.
    hidden_unit
        ``"bernoulli"``, ``"spin"``, ``"gaussian"`` or a unit.
    updates
        Number of updates in all: the oldest age.
    method
        How the machine's own averages are estimated: one of :func:`carving.training.estimator_names`.
    k
        Gibbs steps of the chains an update.
    chains
        Number of persistent chains.
    batch_size
        Samples an update.
    learning_rate
        Step size η of the weights. By default 0.05 between {0, 1} units, and for others what comes to
        the same (0.05/16 between ±1 units).
    weight_scale
        Standard deviation of the first weights between {0, 1} units; other units have what comes to
        the same.
    save
        At which ages to save; see :func:`carving.training.save_ages`.
    seed
        Of everything random. The same seed gives the same bits on the same machine with as many threads.
    keep_samples
        Keep samples and names in the store, so that ``carve build-tree`` needs nothing else; by default
        if they take less than 64 MiB.
    resume
        Go on with the training that ``path`` holds, from its last checkpoint, to the same result
        as if it had never stopped. Settings must be the same; only ``updates`` may be larger, with
        another ``save`` for the ages to come.
    names
        Of the samples, to be kept with them.
    alphabet
        Letters of the codes: makes the visible units Potts units.
    force
        Replace what is at ``path``.
    progress
        Called with the updates done: at every checkpoint, and some ten times a second.
    device
        ``"cpu"``, ``"cuda:N"``, or ``"auto"``.

    Returns
    -------
    CheckpointSequence
        The store.

    Raises
    ------
    InvalidInput
        If samples or a setting cannot be used, or a training that is resumed had others.
    OutputExists
        If ``path`` exists and neither ``force`` nor ``resume`` is given.
    MissingFile
        If there is nothing to resume.
    CarvingError
        If the training diverged. Checkpoints saved before stay.
    """
    data = read_training_data(samples, visible=visible, names=names, alphabet=alphabet)
    hidden_unit = _hidden_unit(hidden_unit)
    settings = Settings(
        method=method,
        hidden=hidden,
        updates=updates,
        k=k,
        chains=chains,
        batch_size=batch_size,
        learning_rate=default_learning_rate(data.unit, hidden_unit)
        if learning_rate is None
        else learning_rate,
        weight_scale=weight_scale,
        save=save,
        seed=seed,
        device=str(resolve_device(device)),
    )
    if resume and force:
        raise InvalidInput("resume and force: exclude each other; give one of them")
    if resume:
        run = _open(path, data, hidden_unit, settings)
    else:
        run = _create(path, data, hidden_unit, settings, keep_samples=keep_samples, force=force)
    # readers may read on; only the right to write ends here
    with run:
        _Training(run, data, hidden_unit, settings).continue_to_end(progress)
    return run


def _hidden_unit(unit: str | Unit) -> Unit:
    resolved = resolve_unit(unit)
    if not resolved.in_hidden:
        raise InvalidInput(
            f"hidden_unit: {resolved.name} units cannot be hidden; choose bernoulli, spin or gaussian"
        )
    return resolved


def _create(
    path: str | os.PathLike[str],
    data: TrainingData,
    hidden_unit: Unit,
    settings: Settings,
    *,
    keep_samples: bool | None,
    force: bool,
) -> CheckpointSequence:
    keep = data.codes.nbytes < _KEPT_BYTES if keep_samples is None else keep_samples
    return create_checkpoints(
        path,
        visible=data.unit,
        hidden=hidden_unit,
        alphabet=data.alphabet,
        training=settings.attributes(),
        provenance={"samples": data.source, "samples_sha256": data.fingerprint()},
        samples=data.codes if keep else None,
        names=data.names if keep else None,
        force=force,
    )


def _open(
    path: str | os.PathLike[str], data: TrainingData, hidden_unit: Unit, settings: Settings
) -> CheckpointSequence:
    run = open_checkpoints(path)
    source = str(Path(path))
    if not run.training:
        raise InvalidInput(
            f"{source}: was not written by carving's training; it cannot be resumed, train elsewhere"
        )
    for name, stored, given in (
        ("visible", run.visible, data.unit),
        ("hidden_unit", run.hidden, hidden_unit),
    ):
        if stored != given:
            raise InvalidInput(
                f"{source}: {name}: the training began with {stored!r}, not {given!r}; resume with that"
            )
    settings.check_resumes(run.training, source)
    if run.provenance.get("samples_sha256") != data.fingerprint():
        raise InvalidInput(
            f"{data.source}: are not the samples that the training in {source} began with; "
            "resume with the same samples in the same order, or train into another folder"
        )
    return open_checkpoints(path, writable=True)


class _Training:
    """One training between its store and its next update."""

    def __init__(
        self, run: CheckpointSequence, data: TrainingData, hidden_unit: Unit, settings: Settings
    ) -> None:
        self._run, self._settings = run, settings
        self._generator = torch.Generator(settings.device).manual_seed(settings.seed)
        statistics = data.statistics.to(settings.device)
        self._monitor = Monitor(statistics, data.unit)
        first = first_machine(statistics, data.unit, hidden_unit, settings, self._generator)
        self._machine = LearningMachine(first)
        self._estimator = find_estimator(settings.method)(self._machine, settings, self._generator)
        self._batches = Minibatches(statistics.flatten(1), settings.batch_size, self._generator)
        self._moments = Moments(self._machine)
        self._field = self._machine.rows(min(settings.batch_size, len(statistics)))[1]
        self._done = 0
        self._seconds_before = 0.0
        if len(run):
            self._restore()
        ages = save_ages(settings.save, settings.updates)
        self._ages = {age for age in ages if age > self._done}

    # ---- the store

    def _restore(self) -> None:
        run = self._run
        state = run.resume_state()
        if state is None:
            raise InvalidInput(f"{run.path}: holds no state to resume from; train into another folder")
        tensors = {name: torch.tensor(values) for name, values in state.items()}
        self._done = int(run.ages[-1])
        self._machine = LearningMachine(run[-1].to(device=self._settings.device))
        self._generator.set_state(tensors["generator"])
        self._batches.restore(_part(tensors, "minibatches"))
        self._estimator.restore(_part(tensors, "estimator"))
        self._seconds_before = float(run.elapsed_seconds[-1])

    def _save(self, model: Moments, seconds: float) -> dict[str, float]:
        machine = self._machine.as_rbm()
        metrics = self._monitor.measure(machine, model)
        state = {
            "generator": self._generator.get_state(),
            **_prefixed("minibatches", self._batches.state()),
            **_prefixed("estimator", self._estimator.state()),
        }
        self._run.append(
            machine,
            updates=self._done,
            elapsed_seconds=self._seconds_before + seconds,
            metrics=metrics,
            resume={name: tensor.cpu().numpy() for name, tensor in state.items()},
            training=self._settings.attributes(),
        )
        return metrics

    # ---- the loop

    def _update(self) -> Moments:
        machine, batch = self._machine, self._batches.next()
        self._moments.measure(machine, batch, self._field)
        model = self._estimator.moments(machine, batch, self._generator)
        ascend(machine, self._moments, model, self._settings.learning_rate)
        self._done += 1
        return model

    def continue_to_end(self, progress: ProgressCallback | None) -> None:
        """All updates that are left."""
        began = reported = time.perf_counter()
        message, last = "", self._settings.updates
        while self._done < last:
            model = self._update()
            saving = self._done in self._ages
            if (saving or self._done % _LOOK_EVERY == 0) and self._machine.has_diverged():
                raise self._divergence()
            if saving:
                metrics = self._save(model, time.perf_counter() - began)
                message = _message(metrics)
            now = time.perf_counter()
            if progress and (saving or now - reported > _SECONDS_BETWEEN_REPORTS):
                progress(Progress("training", self._done, last, message))
                reported = now

    def _divergence(self) -> CarvingError:
        kept = f"{len(self._run)} checkpoints before it are kept; " if len(self._run) else ""
        return CarvingError(
            f"{self._run.path}: training diverged near update {self._done}: {kept}"
            f"lower the learning rate (it was {self._settings.learning_rate:g}) and train anew"
        )


def _message(metrics: dict[str, Any]) -> str:
    return f"pseudo-log-likelihood {metrics['pseudo_log_likelihood']:.4f} a site"


def _prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}_{name}": tensor for name, tensor in state.items()}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}_"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}

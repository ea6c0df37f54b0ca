"""From samples to a store of checkpoints."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from carving._device import resolve_device
from carving._progress import Progress, ProgressCallback
from carving.checkpoints import CheckpointSequence, create_checkpoints, open_checkpoints
from carving.data import Samples
from carving.errors import CarvingError, InvalidInput
from carving.rbm import RBM
from carving.sampling._flat import FlatMachine
from carving.sampling.steps import choose_steps, steps_names
from carving.training._data import TrainingData, describe_weights, read_training_data
from carving.training._gradient import Moments
from carving.training._machine import LearningMachine
from carving.training._minibatches import minibatches
from carving.training._mixing import Mixing, Relaxation
from carving.training._monitor import Monitor
from carving.training._settings import Settings, default_learning_rate
from carving.training._start import first_machine
from carving.training.estimators import read_method
from carving.training.optimisers import Ascent
from carving.training.rates import rate_factor
from carving.training.saving import Snapshot, read_saving
from carving.units import Unit, resolve_unit

# samples of at least this size are not copied into the store unless asked for
_KEPT_BYTES = 64 * 2**20
# samples, spread evenly over all, that metrics are measured on
_MEASURED = 1000
# updates between two looks at whether the parameters are still numbers
_LOOK_EVERY = 50
_SECONDS_BETWEEN_REPORTS = 0.1


def train(
    samples: Samples | np.ndarray | Tensor | str | os.PathLike[str] | Any,
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
    rate: str = "constant",
    optimiser: str = "sgd",
    momentum: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    beta: float = 1.0,
    weights: str | np.ndarray | Sequence[float] | None = None,
    weight_scale: float = 0.01,
    save: str = "exponential:60",
    seed: int = 0,
    keep_samples: bool | None = None,
    resume: bool = False,
    names: Sequence[str] | np.ndarray | None = None,
    alphabet: str | None = None,
    force: bool = False,
    progress: ProgressCallback | None = None,
    announce: Callable[[dict[str, Any]], None] | None = None,
    warn: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
    device: str = "cpu",
    arithmetic: str = "auto",
    memory: int = 2**29,
) -> CheckpointSequence:
    """Train a machine and save it along the way.

    Steps of equal size up the centred gradient of the log-likelihood, in single precision, from
    small random weights. The strongest modes of the data are learned first (mathematics §6); steps that
    are small enough, and checkpoints that are dense enough, show them one after the other.

    Parameters
    ----------
    samples
        :class:`carving.Samples`, or a table (n, N_v) of 0/1, of ±1 or of codes of states, or one-hot
        (n, N_v, q); or a file of them, or anything that is sliced like an array (zarr, HDF5, dask, memory
        map), which may be larger than memory.
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
        the same (0.05/16 between ±1 units). With ``optimiser="adam"``, 0.002 and what comes to the same.
    rate
        How the step size changes: see :func:`carving.training.rate_factor`.
    optimiser
        ``"sgd"`` or ``"adam"``.
    momentum
        Of the optimiser, from 0 to below 1; for Adam 0 stands for 0.9.
    l1, l2
        What is taken off the gradient of the weights: l1 times their sign, l2 times themselves, as they are
        stored; weights between ±1 units are smaller than those between {0, 1} units, and l2 acts on them
        less.
    beta
        Inverse temperature (1) that the machines are stored with. The distributions are the same for any; the
        stored parameters are smaller by it.
    weights
        How much each sample counts: numbers (n,); or ``"identity:0.8"``, one over the number of samples that
        agree in at least that share of the sites (:func:`carving.data.sequence_weights`), as is usual for
        alignments. Within a minibatch they are divided by their sum.
    weight_scale
        Standard deviation of the first weights between {0, 1} units; other units have what comes to
        the same.
    save
        At which ages to save: ``"exponential:N"``, evenly spaced in their logarithm; ``"linear:N"``;
        ``"acceptance:X"``, as soon as chains of neighbours would swap with a probability below X;
        ``"adaptive:N"``, some of at most N spread evenly and the others around the ages at which there are
        more states than before.
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
    announce
        Called once before the first update, with every setting as it is used.
    warn
        Called when chains are first seen not to forget where they were, with what to do about it.
    stop
        Asked after every update. When it says so, the machine is saved as it is and the training ends
        there; it can be resumed.
    device
        ``"cpu"``, ``"cuda:N"``, or ``"auto"``.
    arithmetic
        How Gibbs steps are computed: ``"plain"``, in single precision; ``"integer"``, several times as fast,
        for which no conditional probability is off by more than 1e-3; ``"auto"``, integer where it serves
        (discrete units on a CPU).
    memory
        Bytes of samples, a byte a site, that are held at a time. Of more than that, blocks in random order
        are read as they are needed.

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
    data = read_training_data(
        samples, visible=visible, names=names, alphabet=alphabet, weights=weights, memory=memory
    )
    hidden_unit = _hidden_unit(hidden_unit)
    settings = Settings(
        method=method,
        hidden=hidden,
        updates=updates,
        k=k,
        chains=chains,
        batch_size=batch_size,
        learning_rate=default_learning_rate(data.unit, hidden_unit, optimiser)
        if learning_rate is None
        else learning_rate,
        rate=rate,
        optimiser=optimiser,
        momentum=momentum,
        l1=l1,
        l2=l2,
        beta=beta,
        weights=describe_weights(weights, data.weights),
        weight_scale=weight_scale,
        save=save,
        seed=seed,
        device=str(resolve_device(device)),
    )
    # of the sizes that are now known to be some: very large layers have fewer ways to be drawn
    empty = FlatMachine(_without_weights(data, hidden_unit, settings))
    words = f"auto or one of {', '.join(steps_names())}"
    settings = replace(settings, arithmetic=choose_steps(arithmetic, empty, fastest="auto", known=words))
    if resume and force:
        raise InvalidInput("resume and force: exclude each other; give one of them")
    if resume:
        run = _open(path, data, hidden_unit, settings)
    else:
        run = _create(path, data, hidden_unit, settings, keep_samples=keep_samples, force=force)
    # readers may read on; only the right to write ends here
    with run:
        training = _Training(run, data, hidden_unit, settings)
        if announce:
            announce({"samples": len(data), "sites": data.sites, **settings.attributes()})
        training.continue_to_end(progress, warn, stop)
    return run


def _hidden_unit(unit: str | Unit) -> Unit:
    resolved = resolve_unit(unit)
    if not resolved.in_hidden:
        raise InvalidInput(
            f"hidden_unit: {resolved.name} units cannot be hidden; choose bernoulli, spin or gaussian"
        )
    return resolved


def _without_weights(data: TrainingData, hidden_unit: Unit, settings: Settings) -> RBM:
    shape = (data.sites, *data.unit.site_shape)
    weights, visible_bias, hidden_bias = (
        torch.zeros(size, device=settings.device)
        for size in ((*shape, settings.hidden), shape, (settings.hidden,))
    )
    return RBM(weights, visible_bias, hidden_bias, visible=data.unit, hidden=hidden_unit)


def _create(
    path: str | os.PathLike[str],
    data: TrainingData,
    hidden_unit: Unit,
    settings: Settings,
    *,
    keep_samples: bool | None,
    force: bool,
) -> CheckpointSequence:
    small = data.codes is not None and data.codes.nbytes < _KEPT_BYTES
    keep = small if keep_samples is None else keep_samples
    if keep and data.codes is None:
        raise InvalidInput(
            f"{data.source}: {len(data)} samples are more than fit into the memory they are given, and are "
            "not copied into the store; leave out keep_samples, or give more memory"
        )
    return create_checkpoints(
        path,
        visible=data.unit,
        hidden=hidden_unit,
        beta=settings.beta,
        alphabet=data.alphabet,
        training=settings.attributes(),
        provenance={"samples": data.source, "samples_sha256": data.fingerprint},
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
    if run.provenance.get("samples_sha256") != data.fingerprint:
        raise InvalidInput(
            f"{data.source}: are not the samples that the training in {source} began with; "
            "resume with the same samples in the same order, or train into another folder"
        )
    return open_checkpoints(path, writable=True)


@dataclass(frozen=True, eq=False)
class _Record:
    """What a checkpoint is made of.

    Attributes
    ----------
    snapshot
        The machine.
    model_mean
        Mean of the visible layer that the estimator gave last, (N_v·q,).
    relaxation
        Of the chains.
    seconds
        Since the training began.
    state
        What the training goes on from.
    """

    snapshot: Snapshot
    model_mean: Tensor
    relaxation: Relaxation
    seconds: float
    state: dict[str, Tensor]


class _Part(Protocol):
    def state(self) -> dict[str, Tensor]: ...

    def restore(self, state: dict[str, Tensor]) -> None: ...


class _Training:
    """One training between its store and its next update."""

    def __init__(
        self, run: CheckpointSequence, data: TrainingData, hidden_unit: Unit, settings: Settings
    ) -> None:
        self._run, self._settings = run, settings
        self._generator = torch.Generator(settings.device).manual_seed(settings.seed)
        device = self._generator.device
        # read once, for all that is measured on some of the samples
        measured, weights = data.spread_rows(_MEASURED)
        self._monitor = Monitor(measured, weights, data.frequencies, data.unit, device)
        first = first_machine(data.frequencies, len(data), data.unit, hidden_unit, settings, self._generator)
        self._machine = LearningMachine(run[-1].to(device=settings.device) if len(run) else first)
        rows = min(settings.batch_size, len(data))
        estimator, options = read_method(settings.method)
        self._estimator = estimator(self._machine, settings, options, rows, self._generator)
        self._batches = minibatches(data, settings.batch_size, self._generator)
        self._ascent = Ascent(self._machine, settings)
        self._rate = rate_factor(settings.rate)
        self._moments = Moments(self._machine)
        self._field = self._machine.rows(rows)[1]
        self._saving = read_saving(settings.save, settings.updates)
        self._saving.watch(measured.to(device))
        self._mixing = Mixing(measured, weights, data.unit, settings.k, device)
        self._done = 0
        self._seconds_before = 0.0
        self._before: _Record | None = None
        if len(run):
            self._restore()
        else:
            self._machine.fix_gauge()
        self._looks = {age for age in self._saving.looks().tolist() if age > self._done}

    # ---- the store

    def _parts(self) -> dict[str, _Part]:
        """Whatever the next update depends on, besides the generator."""
        return {
            "machine": self._machine,
            "minibatches": self._batches,
            "estimator": self._estimator,
            "ascent": self._ascent,
            "mixing": self._mixing,
        }

    def _restore(self) -> None:
        run = self._run
        state = run.resume_state()
        if state is None:
            raise InvalidInput(f"{run.path}: holds no state to resume from; train into another folder")
        tensors = {name: torch.tensor(values) for name, values in state.items()}
        self._done = int(run.ages[-1])
        self._generator.set_state(tensors["generator"])
        for name, part in self._parts().items():
            part.restore(_part(tensors, name))
        same_rule = run.training.get("save") == self._settings.save
        last = Snapshot(self._done, run[-1].to(device=self._settings.device), self._chains())
        self._saving.restore(_part(tensors, "saving") if same_rule else {}, last)
        self._seconds_before = float(run.elapsed_seconds[-1])

    def _chains(self) -> Tensor | None:
        chains = self._estimator.chains
        return None if chains is None else chains.to(torch.int8)

    def _record(self, model: Moments, seconds: float) -> _Record:
        """All of the training as it is now, whatever becomes of it."""
        state = {"generator": self._generator.get_state()}
        for name, part in self._parts().items():
            state |= {f"{name}_{key}": tensor.clone() for key, tensor in part.state().items()}
        snapshot = Snapshot(self._done, self._machine.to_save(), self._chains())
        return _Record(
            snapshot,
            model.visible.clone(),
            self._mixing.relaxation(),
            self._seconds_before + seconds,
            state,
        )

    def _consider(self, now: _Record) -> dict[str, float] | None:
        """Save this machine, the one looked at before, both or none; metrics of the last that was saved."""
        before = self._before
        verdict = self._saving.look(now.snapshot)
        self._add_saving_state(now)
        metrics = None
        # the one before is missing right after it was resumed from, when it is in the store
        if verdict.before and before is not None:
            metrics = self._save(before)
        if verdict.this:
            metrics = self._save(now)
        self._before = now
        return metrics

    def _add_saving_state(self, record: _Record) -> None:
        record.state.update({f"saving_{key}": tensor for key, tensor in self._saving.state().items()})

    def _save(self, record: _Record) -> dict[str, float]:
        metrics = self._monitor.measure(record.snapshot.machine, record.model_mean, record.relaxation)
        self._run.append(
            record.snapshot.machine,
            updates=record.snapshot.age,
            elapsed_seconds=record.seconds,
            metrics=metrics,
            resume={name: tensor.cpu().numpy() for name, tensor in record.state.items()},
            training=self._settings.attributes(),
        )
        return metrics

    # ---- the loop

    def _update(self) -> Moments:
        machine, batch = self._machine, self._batches.next()
        self._moments.measure(machine, batch.rows, self._field, batch.weights)
        model = self._estimator.moments(machine, batch, self._generator)
        rate = self._settings.learning_rate * self._rate(self._done, self._settings.updates)
        self._ascent.step(self._moments, model, rate)
        self._done += 1
        if self._mixing.is_due(self._done):
            self._mixing.look(self._estimator.chains)
        return model

    def continue_to_end(
        self,
        progress: ProgressCallback | None,
        warn: Callable[[str], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        """All updates that are left, unless told to stop."""
        began = reported = time.perf_counter()
        message, last = "", self._settings.updates
        while self._done < last:
            model = self._update()
            looking, saved = self._done in self._looks, None
            if (looking or self._done % _LOOK_EVERY == 0) and self._machine.has_diverged():
                raise self._divergence()
            if looking:
                record = self._record(model, time.perf_counter() - began)
                saved = self._consider(record)
                message = _message(saved) if saved else message
                if warn and record.relaxation.hinders(self._settings.k * self._done):
                    warn(self._hindered(record.relaxation))
                    warn = None
            now = time.perf_counter()
            if progress and (saved or now - reported > _SECONDS_BETWEEN_REPORTS):
                progress(Progress("training", self._done, last, message))
                reported = now
            if stop and stop():
                if not saved and not self._machine.has_diverged():
                    record = self._record(model, time.perf_counter() - began)
                    self._add_saving_state(record)
                    self._save(record)
                return

    def _hindered(self, relaxation: Relaxation) -> str:
        steps = relaxation.steps
        return (
            f"near update {self._done} the chains need {steps:.0f} Gibbs steps or more to forget where they "
            f"were, {steps / self._settings.k:.0f} updates: what they average lags behind the machine; "
            "raise k, lower the learning rate, or choose the method tempering or trajectory"
        )

    def _divergence(self) -> CarvingError:
        kept = f"{len(self._run)} checkpoints before it are kept; " if len(self._run) else ""
        return CarvingError(
            f"{self._run.path}: training diverged near update {self._done}: {kept}"
            f"lower the learning rate (it was {self._settings.learning_rate:g}) and train anew"
        )


def _message(metrics: dict[str, Any]) -> str:
    likelihood = f"pseudo-log-likelihood {metrics['pseudo_log_likelihood']:.4f} a site"
    steps = metrics["relaxation_steps"]
    return f"{likelihood}, chains forget in {steps:.0f} steps" if steps == steps else likelihood


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}_"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}

"""The way back: HDF5 that the rbms package loads, and clusterbm too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from carving._files import whole_file
from carving.errors import InvalidInput

if TYPE_CHECKING:
    import h5py

    from carving.checkpoints.sequence import CheckpointSequence
    from carving.rbm import RBM

_NAMES = {"weight_matrix": "weights", "vbias": "visible_bias", "hbias": "hidden_bias"}
_CHAINS, _STEPS = 500, 20
# what rbms takes when it is not told, by the names that it and we use
_HYPERPARAMETERS: dict[str, tuple[tuple[str, ...], Any]] = {
    "num_chains": (("num_chains", "chains"), _CHAINS),
    "batch_size": (("batch_size",), 500),
    "gibbs_steps": (("gibbs_steps", "k"), 10),
    "learning_rate": (("learning_rate",), 0.01),
    "L1": (("L1",), 0.0),
    "L2": (("L2",), 0.0),
    "seed": (("seed",), 0),
    "train_size": (("train_size",), 1.0),
}


def export_rbms(run: CheckpointSequence, target: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write a sequence as an HDF5 file that ``rbms`` (0.5.0) loads, goes on training, and clusterbm reads.

    Spins are converted to {0, 1} exactly, in float64; an inverse temperature is multiplied into the
    parameters. The file needs persistent chains, which are drawn anew from the oldest machine.

    Parameters
    ----------
    run
        The sequence, with at least one checkpoint.
    target
        The file, there whole or not at all.
    force
        Replace what is there.

    Raises
    ------
    InvalidInput
        If hidden units are Gaussian, which rbms does not know, or there is no checkpoint.
    OutputExists
        If there is something at ``target`` already.
    """
    import h5py

    if run.hidden.name not in ("bernoulli", "spin"):
        raise InvalidInput(f"{run.path}: rbms knows no {run.hidden.name} hidden units; it cannot be exported")
    if not len(run):
        raise InvalidInput(f"{run.path}: holds no checkpoint yet; train first")
    elapsed = run.elapsed_seconds
    with whole_file(target, force=force) as output, h5py.File(output.name, "w") as file:
        oldest = None
        for index, age in enumerate(run.ages.tolist()):
            oldest = _their_machine(run[index])
            _write_checkpoint(file, age, oldest, float(np.nan_to_num(elapsed[index])))
        assert oldest is not None
        file["model_type"] = "PBRBM" if oldest.states else "BBRBM"
        file["parallel_chains"] = _chains(oldest)
        _write_hyperparameters(file, run, oldest)


def _their_machine(rbm: RBM) -> RBM:
    """The same distribution with {0, 1} units and β = 1."""
    visible, hidden = ("bernoulli" if unit.name == "spin" else None for unit in (rbm.visible, rbm.hidden))
    if visible is None and hidden is None and rbm.beta == 1:
        return rbm
    exact = rbm.to(dtype=torch.float64).convert(visible=visible, hidden=hidden)
    parameters = (exact.beta * values for values in (exact.weights, exact.visible_bias, exact.hidden_bias))
    return type(rbm)(*parameters, visible=exact.visible, hidden=exact.hidden)


def _write_checkpoint(file: h5py.File, age: int, rbm: RBM, elapsed_seconds: float) -> None:
    group = file.create_group(f"update_{age}")
    parameters = group.create_group("params")
    for theirs, ours in _NAMES.items():
        parameters[theirs] = getattr(rbm, ours).cpu().numpy()
        # the second name, without copy, is for older readers
        group[theirs] = parameters[theirs]
    group["time"] = elapsed_seconds
    group["flags/checkpoint"] = group["save_checkpoint"] = True
    # rbms goes on training from these
    group["torch_rng_state"] = torch.Generator().manual_seed(age).get_state().numpy()
    for number, value in enumerate(np.random.RandomState(age % 2**32).get_state(legacy=True)):
        group[f"numpy_rng_arg{number}"] = value


def _chains(rbm: RBM) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    fair = torch.full((_CHAINS, rbm.hidden_size), 0.5, dtype=rbm.dtype)
    v = rbm.sample_visible(torch.bernoulli(fair, generator=generator), generator)
    for _ in range(_STEPS):
        v, _ = rbm.gibbs_step(v, generator)
    return (v.argmax(-1) if rbm.states else v).to(torch.float32).numpy()


def _write_hyperparameters(file: h5py.File, run: CheckpointSequence, rbm: RBM) -> None:
    training = run.training
    group = file.create_group("hyperparameters")
    group["num_visibles"], group["num_hiddens"] = rbm.visible_size, rbm.hidden_size
    group["filename"] = os.path.basename(run.path)
    for name, (aliases, default) in _HYPERPARAMETERS.items():
        known = [training[alias] for alias in aliases if isinstance(training.get(alias), int | float)]
        group[name] = type(default)(known[0] if known else default)

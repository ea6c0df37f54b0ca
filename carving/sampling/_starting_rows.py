"""Rows of data that chains start from."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from carving.checkpoints import CheckpointSequence
from carving.data import Samples
from carving.errors import InvalidInput
from carving.rbm import RBM

_ROWS_AT_ONCE = 4096


class StartingRows:
    """Samples, checked against a machine, and which chain starts from which of them.

    Parameters
    ----------
    values
        (n, N_v), or one-hot (n, N_v, q).
    machine
        What they must fit.
    source
        What messages call them.

    Raises
    ------
    InvalidInput
        If there are none, or they do not fit.
    """

    def __init__(self, values: np.ndarray | Tensor, machine: RBM, source: str) -> None:
        if len(values) == 0:
            raise InvalidInput(f"{source}: holds no row to start from; give at least one")
        # block by block: encoded sequences are some eighty times as large as their letters
        for low in range(0, len(values), _ROWS_AT_ONCE):
            block = values[low : low + _ROWS_AT_ONCE]
            encoded = machine.visible.encode(block, machine.dtype, source=source, first_row=low)
            if encoded.shape[1:] != machine.visible_bias.shape:
                raise InvalidInput(
                    f"{source}: has {encoded.shape[1]} columns, but the machine has {machine.visible_size} "
                    "visible units; give samples like those that it was trained on"
                )
        self._values = values
        self._order = torch.arange(len(values))

    @classmethod
    def find(
        cls,
        start: str | None,
        samples: Samples | np.ndarray | Tensor | None,
        run: CheckpointSequence | None,
        machine: RBM,
    ) -> StartingRows | None:
        """The samples that are given or, if none are, those that the checkpoints hold; None without any.

        Raises
        ------
        InvalidInput
            If there are none and ``start`` asks for them, or some are given and it does not.
        """
        if start not in (None, "data"):
            if samples is not None:
                raise InvalidInput(f"samples: are not used with start={start!r}; leave them out, or start=…")
            return None
        source = "samples"
        if samples is None and run is not None:
            samples, source = run.samples, f"{run.path}: samples"
        if samples is None:
            if start == "data":
                raise InvalidInput("samples: are needed to start from data; give them, or another start")
            return None
        if isinstance(samples, Samples):
            samples, source = samples.values, samples.source
        values = samples if isinstance(samples, Tensor) else np.asarray(samples)
        return cls(values, machine, source)

    def shuffle(self, count: int, generator: torch.Generator) -> None:
        """Give ``count`` chains their rows: in random order, each once before any comes again."""
        rounds = [
            torch.randperm(len(self._values), generator=generator, device=generator.device)
            for _ in range(-(-count // len(self._values)))
        ]
        self._order = torch.cat(rounds)[:count].cpu()

    def statistics(self, chains: Tensor, machine: RBM) -> Tensor:
        """Configurations that these chains start from. (chains, N_v·q)"""
        rows = self._order[chains.cpu()]
        values = (
            self._values[rows.to(self._values.device)]
            if isinstance(self._values, Tensor)
            else self._values[rows.numpy()]
        )
        return machine.visible.encode(values, machine.dtype).flatten(1).to(machine.device)

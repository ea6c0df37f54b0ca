"""Which node of a tree does each sample join, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carving._progress import ProgressCallback
from carving.service.queries._solving import numbers_of, pieces
from carving.service.queries._warm import Warm
from carving.tree import Novelty, Placement, Placer, TrainingEnergies

if TYPE_CHECKING:
    from carving.checkpoints import CheckpointSequence
    from carving.tree import Tree


@dataclass(frozen=True)
class Placed:
    """Where samples fall; one entry a sample.

    Attributes
    ----------
    placement
        The node, and how near it and the next one are.
    node_name
        What the tree calls the node.
    novelty
        Whether the sample is like those of the training, for the oldest machine of the tree.
    """

    placement: Placement
    node_name: np.ndarray
    novelty: Novelty

    def __len__(self) -> int:
        return len(self.placement)

    def __getitem__(self, rows: np.ndarray | slice) -> Placed:
        return Placed(self.placement[rows], self.node_name[rows], self.novelty[rows])


@dataclass(frozen=True)
class _KeptEnergies:
    """Energies of the training samples, which are the same for every batch."""

    energies: TrainingEnergies
    points: int = 0

    @property
    def bytes(self) -> int:
        """How much room they take."""
        return self.energies.sorted.nbytes


@dataclass(frozen=True)
class AskedPlaces:
    """The question."""

    tree: Tree
    run: CheckpointSequence
    names: tuple[str, str]
    device: str

    @property
    def numbers(self) -> int:
        """How many numbers a row takes."""
        return numbers_of(self.run)

    def solve(self, samples: np.ndarray, warm: Warm, progress: ProgressCallback) -> Placed:
        """The answer: as :meth:`carving.Tree.place` gives it."""
        tree_name, store_name = self.names
        oldest = int(self.tree.ages.updates[0])
        placer = warm.get(
            ("placer", tree_name),
            (self.tree, self.run),
            lambda: Placer(self.tree, self.run, device=self.device),
        )
        energies = warm.get(
            ("energies", store_name, oldest),
            (self.run,),
            lambda: _KeptEnergies(TrainingEnergies(self.run, oldest, device=self.device)),
        ).energies
        parts = [
            placer.place(samples[rows], progress=progress) for rows in pieces(len(samples), self.numbers)
        ]
        placement = Placement.joined(parts)
        return Placed(placement, self.tree.nodes.name[placement.node], energies.novelty(samples))

"""Several trees of the same samples beside each other: other seeds, orders, ages, subsamples.

- :func:`consensus`: what most of the trees agree on, with the support of every clade;
- :func:`support`, :func:`transfer_support`: how many other trees have each node of one tree, or how nearly;
- :func:`robinson_foulds`, :func:`triplet_distance`, :func:`quartet_distance`, :func:`distances`: how far
  trees are from each other;
- :func:`coclustering`, :func:`adjusted_rand_index`: which samples are in one group, at a level.

Leaves are matched by their names, in whatever order the trees have them, and counted once each, whatever
their ``size``. Where trees hold different samples, what they have in common is compared.
"""

from carving.tree.compare._clades import Clades, clades, common_leaves
from carving.tree.compare._consensus import Consensus, consensus
from carving.tree.compare._distances import Distances, distances, robinson_foulds
from carving.tree.compare._levels import adjusted_rand_index, coclustering
from carving.tree.compare._overlaps import Distance
from carving.tree.compare._quartets import quartet_distance
from carving.tree.compare._support import support, transfer_support
from carving.tree.compare._triplets import triplet_distance

__all__ = [
    "consensus",
    "Consensus",
    "support",
    "transfer_support",
    "robinson_foulds",
    "triplet_distance",
    "quartet_distance",
    "distances",
    "Distance",
    "Distances",
    "coclustering",
    "adjusted_rand_index",
    "clades",
    "Clades",
    "common_leaves",
]

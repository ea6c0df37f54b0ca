"""Mean-field fixed points: Plefka's free energy, the solver, stability, and grouping."""

from carving.meanfield.linkage import Linkage, link, same_points
from carving.meanfield.plefka import Plefka
from carving.meanfield.solver import FixedPoints, fixed_points
from carving.meanfield.spent import Spent
from carving.meanfield.stability import Stability, stability

__all__ = [
    "FixedPoints",
    "Linkage",
    "Plefka",
    "Spent",
    "Stability",
    "fixed_points",
    "link",
    "same_points",
    "stability",
]

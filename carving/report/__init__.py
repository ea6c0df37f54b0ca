"""Pictures of a tree, of the training that it comes from, and of the machine's physics.

matplotlib is used without pyplot, so that drawing changes no state of the program that asks for it.
"""

from carving.report.cascade_figure import draw_cascade
from carving.report.hysteresis_figure import draw_hysteresis
from carving.report.landscape_figure import draw_landscape
from carving.report.power_law_figure import draw_power_law
from carving.report.training_figure import draw_training
from carving.report.tree_figure import draw_tree

__all__ = [
    "draw_tree",
    "draw_training",
    "draw_cascade",
    "draw_hysteresis",
    "draw_landscape",
    "draw_power_law",
]

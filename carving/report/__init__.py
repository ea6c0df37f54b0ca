"""Pictures of a tree, and of the training that it comes from.

matplotlib is used without pyplot, so that drawing changes no state of the program that asks for it.
"""

from carving.report.training_figure import draw_training
from carving.report.tree_figure import draw_tree

__all__ = ["draw_tree", "draw_training"]

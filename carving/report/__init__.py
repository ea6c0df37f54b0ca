"""Pictures of a tree.

matplotlib is used without pyplot, so that drawing changes no state of the program that asks for it.
"""

from carving.report.tree_figure import draw_tree

__all__ = ["draw_tree"]

"""Pictures of a tree, of the training that it comes from, and of the machine's physics.

A new picture of a tree is one new module ``…_figure.py`` here that defines ``PLOT``; `carve plot` finds it.

matplotlib is used without pyplot, so that drawing changes no state of the program that asks for it.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from carving.report._plot import Plot
from carving.report._saving import check_picture, save_figure
from carving.report.cascade_figure import draw_cascade
from carving.report.free_energy_figure import draw_free_energy
from carving.report.hysteresis_figure import draw_hysteresis
from carving.report.icicle_figure import draw_icicle
from carving.report.landscape_figure import draw_landscape
from carving.report.levels_figure import draw_levels
from carving.report.page import page_data, write_report
from carving.report.pca_figure import draw_pca
from carving.report.power_law_figure import draw_power_law
from carving.report.radial_figure import draw_radial
from carving.report.rectangular_figure import draw_rectangular
from carving.report.split_figure import draw_split
from carving.report.states_figure import draw_states
from carving.report.training_figure import draw_training
from carving.report.tree_figure import draw_tree

__all__ = [
    "plots",
    "Plot",
    "write_report",
    "page_data",
    "save_figure",
    "check_picture",
    "draw_tree",
    "draw_rectangular",
    "draw_radial",
    "draw_icicle",
    "draw_pca",
    "draw_states",
    "draw_free_energy",
    "draw_split",
    "draw_levels",
    "draw_training",
    "draw_cascade",
    "draw_hysteresis",
    "draw_landscape",
    "draw_power_law",
]


@cache
def _found() -> tuple[Plot, ...]:
    names = (module.name for module in iter_modules(__path__) if module.name.endswith("_figure"))
    modules = (import_module(f"{__name__}.{name}") for name in names)
    return tuple(module.PLOT for module in modules if hasattr(module, "PLOT"))


def plots() -> dict[str, Plot]:
    """Every kind of picture of a tree by its name."""
    return {plot.name: plot for plot in sorted(_found(), key=lambda plot: plot.name)}

"""The report: a tree, what was found in it and how it was made, in one HTML file that needs no network.

- ``_write.py``: what a report consists of, and the file; ``_shown.py`` which leaves it shows;
- ``_data.py``: the tree as the page's script reads it, ``_columns.py`` its arrays, ``_labels.py`` its labels,
  ``_states.py`` what is told of single states;
- ``_sections.py``: what stands below the tree, ``_figures.py`` the pictures in it;
- ``assets/``: the page itself, its style and its script (ES modules, joined in the order of their imports),
  and d3, with its licence and the script that fetches it. ``view.js`` and ``tree_view.html`` are the tree
  alone, which other pages show as well; ``_assets.py`` gives them out.
"""

from carving.report.page._assets import ASSETS, asset, tree_view
from carving.report.page._data import page_data
from carving.report.page._shown import MOST_LEAVES
from carving.report.page._write import write_report

__all__ = ["write_report", "page_data", "MOST_LEAVES", "ASSETS", "asset", "tree_view"]

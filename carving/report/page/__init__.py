"""The report: a tree, what was found in it and how it was made, in one HTML file that needs no network.

- ``_write.py``: what a report consists of, and the file;
- ``_data.py``: the tree as the page's script reads it, ``_columns.py`` its arrays, ``_labels.py`` its labels,
  ``_states.py`` what is told of single states;
- ``_sections.py``: what stands below the tree, ``_figures.py`` the pictures in it;
- ``assets/``: the page itself, its style and its script (ES modules, joined in the order of their imports),
  and d3, with its licence and the script that fetches it.
"""

from carving.report.page._write import MOST_LEAVES, write_report

__all__ = ["write_report", "MOST_LEAVES"]

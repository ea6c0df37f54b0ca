"""How sphinx builds these pages: `make docs`."""

import re
from importlib.metadata import version as installed_version

project = "carving"
copyright = "The carving developers"
author = "The carving developers"
version = release = installed_version("carving")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_click",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# (6) here is (6) in the code: equations are numbered in the order of mathematics.md, which has all labels
math_eqref_format = "({number})"

autosummary_generate = True
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"carving {release}"
html_static_path = []


_LITERAL = re.compile(r"(`[^`]*`)")


def _keep_bars(app, what, name, obj, options, lines):
    # in docstrings |x| is an absolute value, where reStructuredText would look for a substitution
    for number, line in enumerate(lines):
        parts = _LITERAL.split(line)
        parts[::2] = [re.sub(r"(?<!\\)\|", r"\\|", part) for part in parts[::2]]
        lines[number] = "".join(parts)


def setup(app):
    # after numpydoc
    app.connect("autodoc-process-docstring", _keep_bars, priority=900)

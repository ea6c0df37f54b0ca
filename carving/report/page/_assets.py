"""What the page is made of, by name: its modules, its style, the view of the tree, and d3."""

import re
from functools import cache
from importlib.resources import files
from string import Template

_FOLDER = files("carving.report.page") / "assets"
# the order in which they build on each other; the last one is the report's own
_MODULES = (
    "arrays", "tree", "labels", "tables", "rows", "frame", "guests", "margins", "picture", "model",
    "elements", "panel", "search", "gestures", "view", "app",
)  # fmt: skip
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=class|function|const)", re.MULTILINE)

ASSETS = ("page.css", "d3.min.js", "d3.LICENSE", *(f"{name}.js" for name in _MODULES[:-1]))
"""What another page needs to show a tree with ``openTree`` of ``view.js``, where these lie in one folder."""


@cache
def asset(name: str) -> str:
    """The text of one of ``ASSETS``, or of another file of the page."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def tree_view(still: str = "") -> str:
    """The elements that ``openTree`` fills with a tree.

    Parameters
    ----------
    still
        A picture of the tree, as HTML, for print and for browsers that run no scripts.
    """
    return Template(asset("tree_view.html")).substitute(still=still)


def d3_version() -> str:
    """The version of d3, as its file says it."""
    found = re.search(r"v(\d+\.\d+\.\d+)", asset("d3.min.js")[:200])
    return "" if found is None else found[1]


@cache
def script() -> str:
    """The modules as one: what they import from each other is in reach anyway."""
    modules = (_IMPORT.sub("", asset(f"{name}.js")) for name in _MODULES)
    return "\n".join(_EXPORT.sub("", module) for module in modules)

"""The page at ``/``: the report's tree over the live workspace, placements, trajectories, and jobs.

- ``assets/index.html`` and ``service.css``: its elements; the tree's own are those of the report;
- ``service.js``: puts it together; ``api.js`` asks the service, ``token.js`` whoever looks at the page;
- ``samples.js``: what is pasted or uploaded, as the body of a request;
- ``placements.js``, ``trajectory.js`` with ``chart.js``, ``jobs.js``: one part of the page each.

Its scripts lie in one folder with those of the report, and import them from there.
"""

from functools import cache
from importlib.resources import files
from string import Template

from carving._version import version_of
from carving.report.page import ASSETS, tree_view
from carving.report.page import asset as asset_of_report

__all__ = ["POLICY", "asset"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""What the page may load: nothing that is not the service's own, and no script in its text."""

_FOLDER = files("carving.service.page") / "assets"
_OWN = (
    "index.html", "service.css", "service.js", "api.js", "token.js", "samples.js", "placements.js",
    "trajectory.js", "chart.js", "jobs.js",
)  # fmt: skip
_MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}


@cache
def asset(name: str) -> tuple[bytes, str]:
    """A file of the page, and its media type.

    Raises
    ------
    KeyError
        If the page has no such file: names are looked up in a list, and never made into paths.
    """
    if name in ASSETS:
        text = asset_of_report(name)
    elif name in _OWN:
        text = (_FOLDER / name).read_text(encoding="utf-8")
    else:
        raise KeyError(name)
    if name == "index.html":
        text = Template(text).substitute(tree_view=tree_view(), version=version_of("carving"))
    return text.encode(), _MEDIA_TYPES.get(name.rpartition(".")[2], "text/plain; charset=utf-8")

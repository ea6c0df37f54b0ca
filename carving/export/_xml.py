"""Text for XML."""

import re

from carving.export._format import Target, refuse

# what XML 1.0 cannot hold, not even escaped
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ESCAPED = re.compile('[&<>"\t\n\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def escape(value: str, what: str, target: Target) -> str:
    """Text for XML, in elements and in attributes."""
    if _NO_XML.search(value):
        raise refuse(target, what, value, "XML cannot hold control characters", "csv")
    return _ESCAPED.sub(lambda found: _ESCAPES[found.group()], value)


def instead_of(others: str, value: str) -> str:
    """Formats that hold what a format cannot: those given, or only CSV if they are XML and cannot either."""
    return "csv" if _NO_XML.search(value) else others

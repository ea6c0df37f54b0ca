"""Pieces of HTML out of text, which is always escaped: nothing that anyone named can become an element."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from unicodedata import bidirectional

from carving.report.page._figures import Picture

# letters that are written from the right, and characters that change the direction of what follows
_TURNING = {"R", "AL", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}


def text(value: object) -> str:
    """Text as it is to be read."""
    return html.escape(str(value))


def isolated(value: object) -> str:
    """A name of unknown direction, which cannot turn what stands beside it."""
    return f"<bdi>{text(value)}</bdi>"


def prose(words: str, names: Iterable[str]) -> str:
    """Sentences in which names occur: those that could turn the writing round are isolated."""
    turning = sorted(
        {name for name in names if _TURNING & set(map(bidirectional, name))}, key=len, reverse=True
    )
    if not turning:
        return text(words)
    parts = re.split(f"({'|'.join(map(re.escape, turning))})", words)
    return "".join(isolated(part) if at % 2 else text(part) for at, part in enumerate(parts))


def percent(share: float) -> str:
    """A share in whole percent, but never one that says all or nothing where it is not."""
    if 0 < share < 0.01:
        return "&lt; 1 %"
    if 0.99 < share < 1:
        return "&gt; 99 %"
    return f"{share:.0%}".replace("%", " %")


def section(heading: str, *parts: str) -> str:
    """A section of the page; nothing where it would be empty."""
    content = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{text(heading)}</h2>\n{content}\n</section>" if content else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[int] = ()) -> str:
    """A table whose cells are HTML already; the first column and those of ``words`` are no numbers."""
    body = [f"<tr>{''.join(_cell(cell, at, words) for at, cell in enumerate(row))}</tr>" for row in rows]
    if not body:
        return ""
    names = "".join(f'<th scope="col"{_class(at, words)}>{text(name)}</th>' for at, name in enumerate(head))
    lines = "\n".join([f"<thead><tr>{names}</tr></thead>", "<tbody>", *body, "</tbody>"])
    return f'<div class="wide"><table>\n{lines}\n</table></div>'


def _cell(cell: str, at: int, words: Sequence[int]) -> str:
    return f'<th scope="row">{cell}</th>' if at == 0 else f"<td{_class(at, words)}>{cell}</td>"


def _class(at: int, words: Sequence[int]) -> str:
    return ' class="words"' if at in words else ""


def settings(values: dict[str, Any]) -> str:
    """A table of names and what they are set to."""
    return table(
        ("", ""), ((isolated(name), isolated(_shown(value))) for name, value in values.items()), words=(1,)
    )


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def image(picture: Picture) -> str:
    """A picture that is in the page itself, with words for those who cannot see it."""
    return f'<img src="{picture.address}" alt="{text(picture.caption)}">'


def figure(picture: Picture) -> str:
    """The same with its caption."""
    broad = ' class="broad"' if picture.is_broad else ""
    return f"<figure{broad}>{image(picture)}<figcaption>{text(picture.caption)}</figcaption></figure>"

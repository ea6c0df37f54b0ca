"""iTOL's annotation files by the grammar of its own templates (https://itol.embl.de/help.cgi), strictly.

A file is a template's name, then settings, then DATA and a line an entry. ``SEPARATOR`` (TAB, SPACE or COMMA)
says what stands between the fields of both. A line that starts with ``#`` is a comment. An entry begins with
the name of a leaf or of an inner node, or with two leaves and ``|`` between them, which is where they meet.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SEPARATORS = {"TAB": "\t", "SPACE": " ", "COMMA": ","}
_COLOR = re.compile(r"#[0-9a-fA-F]{6}|rgba?\([\d., ]+\)")


def _color(text: str) -> bool:
    return bool(_COLOR.fullmatch(text))


def _number(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text))


def _positive(text: str) -> bool:
    return _number(text) and float(text) > 0


def _one_of(*words: str) -> Callable[[str], bool]:
    return lambda text: text in words


def _share_or_outside(text: str) -> bool:
    return _number(text) and (0 <= float(text) <= 1 or float(text) == -1)


def _anything(text: str) -> bool:
    return True


# of every entry after the name: the fields that it must have, and those that it may have
_ENTRIES: dict[str, tuple[list[Callable[[str], bool]], list[Callable[[str], bool]]]] = {
    "DATASET_COLORSTRIP": ([_color], [_anything]),
    # symbol, size, colour, filled or outline, place on the branch, label
    "DATASET_SYMBOL": (
        [_one_of("1", "2", "3", "4", "5", "6"), _positive, _color, _one_of("0", "1"), _share_or_outside],
        [_anything],
    ),
    "DATASET_SIMPLEBAR": ([_number], [_anything]),
    "TREE_COLORS": (
        [_one_of("range", "clade", "branch", "label", "label_background"), _color],
        [_one_of("normal", "dashed", "bold", "italic", "bold-italic"), _positive],
    ),
    "COLLAPSE": ([], []),
    "LABELS": ([_anything], [_anything]),
}
_SETTINGS: dict[str, Callable[[list[str]], bool]] = {
    "DATASET_LABEL": lambda fields: len(fields) == 1 and bool(fields[0]),
    "COLOR": lambda fields: len(fields) == 1 and _color(fields[0]),
    "LEGEND_TITLE": lambda fields: len(fields) == 1,
    "LEGEND_SHAPES": lambda fields: all(field in set("123456") for field in fields),
    "LEGEND_COLORS": lambda fields: all(map(_color, fields)),
    "LEGEND_LABELS": lambda fields: all(fields),
    "MAXIMUM_SIZE": lambda fields: len(fields) == 1 and _positive(fields[0]),
    "WIDTH": lambda fields: len(fields) == 1 and _positive(fields[0]),
    "SHOW_VALUE": lambda fields: fields in (["0"], ["1"]),
    "DATASET_SCALE": lambda fields: bool(fields),
}


@dataclass(frozen=True)
class Annotation:
    """One file: the template, its settings, its entries."""

    template: str
    settings: dict[str, list[str]]
    entries: list[list[str]]


def parse(path: Path) -> Annotation:
    """Read a file; ``AssertionError`` where it breaks the grammar."""
    # line ends are \n or \r\n only: a separator of another script is part of a field
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line and line[0] != "#"]
    template, *rest = lines
    assert template in _ENTRIES, f"{path.name}: {template!r} is no template"
    separator, settings = "\t", {}
    while rest and rest[0] != "DATA":
        line = rest.pop(0)
        if line.startswith("SEPARATOR "):
            separator = _SEPARATORS[line.removeprefix("SEPARATOR ")]
            continue
        key, *fields = line.split(separator)
        assert _SETTINGS[key](fields), f"{path.name}: {line!r}"
        assert key not in settings, f"{path.name}: {key} is there twice"
        settings[key] = fields
    assert rest, f"{path.name}: has no DATA"
    entries = [line.split(separator) for line in rest[1:]]
    must, may = _ENTRIES[template]
    for name, *fields in entries:
        assert name, f"{path.name}: an entry without a name"
        assert len(must) <= len(fields) <= len(must) + len(may), f"{path.name}: {fields}"
        for check, field in zip([*must, *may], fields, strict=False):
            assert check(field), f"{path.name}: {name}: {field!r}"
    if template.startswith("DATASET_"):
        assert {"DATASET_LABEL", "COLOR"} <= settings.keys(), f"{path.name}: lacks what is mandatory"
    legend = [settings.get(key, []) for key in ("LEGEND_SHAPES", "LEGEND_COLORS", "LEGEND_LABELS")]
    assert len({len(fields) for fields in legend}) == 1, f"{path.name}: legend of {legend}"
    return Annotation(template, settings, entries)


def strips(folder: Path) -> dict[str, dict[str, str]]:
    """The labels of every leaf by column, from the colour strips of a folder."""
    annotations = map(parse, folder.iterdir())
    return {
        annotation.settings["DATASET_LABEL"][0]: {entry[0]: entry[2] for entry in annotation.entries}
        for annotation in annotations
        if annotation.template == "DATASET_COLORSTRIP"
    }

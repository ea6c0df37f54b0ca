"""Labels and colours: aligned to the samples, and refused when they cannot be."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.data import Labels, read_labels
from carving.errors import CarvingError, CorruptStore, InvalidInput, MissingFile

NAMES = ["a", "b", "c"]
GOOD = "name,country,town\nc,SE,Lund\na,FR,Lyon\nb,FR,\n"


def written(folder: Path, content: str | bytes, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_labels_follow_the_order_of_the_samples(tmp_path):
    labels = read_labels(written(tmp_path, GOOD), NAMES)
    assert labels.columns["country"].tolist() == ["FR", "FR", "SE"]


def test_columns_keep_their_order_in_the_file(tmp_path):
    assert list(read_labels(written(tmp_path, GOOD), NAMES).columns) == ["country", "town"]


def test_an_empty_cell_is_an_unknown_label(tmp_path):
    assert read_labels(written(tmp_path, GOOD), NAMES).columns["town"].tolist() == ["Lyon", "", "Lund"]


def test_a_column_called_name_is_the_names_wherever_it_is(tmp_path):
    path = written(tmp_path, "town,name\nLyon,a\nBrest,b\nLund,c\n")
    assert read_labels(path, NAMES).columns["town"].tolist() == ["Lyon", "Brest", "Lund"]


def test_without_a_column_called_name_the_first_holds_the_names(tmp_path):
    path = written(tmp_path, ",town\na,Lyon\nb,Brest\nc,Lund\n")
    assert read_labels(path, NAMES).columns["town"].tolist() == ["Lyon", "Brest", "Lund"]


def test_rows_for_unknown_names_are_counted(tmp_path):
    labels = read_labels(written(tmp_path, GOOD + "x,SE,\ny,,\n"), NAMES)
    assert labels.unmatched_rows == 2


def test_samples_without_a_row_have_unknown_labels_when_allowed(tmp_path):
    labels = read_labels(written(tmp_path, GOOD), ["z", *NAMES], missing="allow")
    assert labels.columns["country"].tolist() == ["", "FR", "FR", "SE"]


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\n\n"),
        GOOD.removesuffix("\n"),
        GOOD.replace("Lyon", '"Lyon"'),
    ],
    ids=["windows", "byte order mark", "blank lines", "no last line end", "quotes"],
)
def test_csv_of_other_programs_reads_alike(content, tmp_path):
    labels = read_labels(written(tmp_path, content), NAMES)
    assert labels.columns["town"].tolist() == ["Lyon", "", "Lund"]


def test_a_tsv_is_separated_by_tabs(tmp_path):
    path = written(tmp_path, GOOD.replace(",", "\t"), "labels.tsv")
    assert read_labels(path, NAMES).columns["country"].tolist() == ["FR", "FR", "SE"]


@settings(max_examples=50)
@given(
    label_of=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
        st.text(st.characters(exclude_categories=["Cs", "Cc"])),
        min_size=1,
    )
)
def test_any_names_and_labels_come_back(label_of, tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("name", "label"), *label_of.items()])
    found = read_labels(path, list(label_of)).columns["label"].tolist()
    assert found == [label if label.strip() else "" for label in label_of.values()]


def test_colors_are_kept_by_legend_and_label(tmp_path):
    colors = written(
        tmp_path, "legend,label,color\ncountry,FR,#0094FF\ncountry,SE,#fc0\ntown,Rome,#000000\n", "colors.csv"
    )
    labels = read_labels(written(tmp_path, GOOD), NAMES, colors=colors)
    assert labels.colors == {"country": {"FR": "#0094FF", "SE": "#ffcc00"}, "town": {"Rome": "#000000"}}


def test_labels_say_what_they_hold(tmp_path):
    path = written(tmp_path, GOOD)
    expected = f"Labels(country: 2 labels, 0 unknown; town: 2 labels, 1 unknown, from {path})"
    assert repr(read_labels(path, NAMES)) == expected


def test_labels_can_be_made_without_a_file():
    assert Labels(columns={}).colors == {}


LABELS: dict[str, tuple[str | bytes, type[CarvingError], list[str]]] = {
    "missing samples": ("name,x\nb,1\n", InvalidInput, ["2 of 3", "'a'", "--missing-labels allow"]),
    "repeated": ("name,x\na,1\nb,1\na,2\n", InvalidInput, ["line 4", "'a'", "line 2", "must differ"]),
    "empty name": ("name,x\na,1\n,1\n", InvalidInput, ["line 3", "name is empty"]),
    "short row": ("name,x\na,1\nb\n", InvalidInput, ["line 3", "1 cells", "header has 2"]),
    "long row": ("name,x\na,1,2\n", InvalidInput, ["line 2", "3 cells", "quote cells"]),
    "cut short": (GOOD[:-3], InvalidInput, ["line 4", "2 cells"]),
    "open quote": ('name,x\na,"1\nb,2\n', InvalidInput, ["line 3", "check the quotes"]),
    "quote in a cell": ('name,x\na,"1"2\n', InvalidInput, ["line 2", "check the quotes"]),
    "wrong byte": (b"name,x\na,1\nb,Orl\xe9ans\n", InvalidInput, ["line 3", "0xe9", "UTF-8"]),
    "utf-16": ("name,x\na,1\n".encode("utf-16"), CorruptStore, ["UTF-16", "UTF-8"]),
    "no file content": ("", CorruptStore, ["is empty"]),
    "blank lines": ("\n\n", InvalidInput, ["holds no header"]),
    "names only": ("name\na\nb\nc\n", InvalidInput, ["single column 'name'", "add a column"]),
    "semicolons": ("name;x\na;1\n", InvalidInput, ["single column", "separate the columns by commas"]),
    "columns alike": ("name,x,x\na,1,2\n", InvalidInput, ["line 1", "two columns are called 'x'"]),
    "nameless column": ("name,x,\na,1,2\n", InvalidInput, ["no name", "first line"]),
    "zip": (b"PK\3\4....", CorruptStore, ["a zip file"]),
}


def refusal(path: Path, kind: type[CarvingError], **options: object) -> str:
    with pytest.raises(kind) as raised:
        read_labels(path, NAMES, **options)  # type: ignore[arg-type]
    message = str(raised.value)
    assert "\n" not in message
    assert ";" in message, "no remedy"
    return message


@pytest.mark.parametrize("case", LABELS)
def test_bad_labels_are_refused_with_place_and_remedy(case, tmp_path):
    content, kind, words = LABELS[case]
    path = written(tmp_path, content)
    message = refusal(path, kind)
    assert message.startswith(str(path))
    assert [word for word in words if word not in message] == []


def test_missing_labels_are_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.csv", MissingFile)


def test_missing_colors_are_refused(tmp_path):
    message = refusal(written(tmp_path, GOOD), MissingFile, colors=tmp_path / "none.csv")
    assert "none.csv: no such file" in message


def test_other_treatments_of_missing_labels_are_refused(tmp_path):
    assert "use 'error' or 'allow'" in refusal(written(tmp_path, GOOD), InvalidInput, missing="drop")


COLORS = {
    "no header": ("country,FR,#000000\n", ["no column 'legend'", "legend,label,color"]),
    "a column lacks": ("legend,label\ncountry,FR\n", ["no column 'color'"]),
    "a word": ("legend,label,color\ncountry,FR,blue\n", ["line 2", "'blue'", "#RRGGBB"]),
    "too short": ("legend,label,color\ncountry,FR,#12345\n", ["line 2", "'#12345'"]),
    "not hexadecimal": ("legend,label,color\ncountry,FR,#12345g\n", ["line 2", "'#12345g'"]),
    "empty": ("legend,label,color\ncountry,FR,\n", ["line 2", "''"]),
    "unknown legend": ("legend,label,color\nCountry,FR,#000000\n", ["line 2", "'Country'", "country, town"]),
    "twice": (
        "legend,label,color\ncountry,FR,#000000\ncountry,FR,#ffffff\n",
        ["line 3", "'FR' of 'country'", "already"],
    ),
    "ragged": ("legend,label,color\ncountry,FR\n", ["line 2", "2 cells"]),
}


@pytest.mark.parametrize("case", COLORS)
def test_bad_colors_are_refused_with_place_and_remedy(case, tmp_path):
    content, words = COLORS[case]
    colors = written(tmp_path, content, "colors.csv")
    message = refusal(written(tmp_path, GOOD), InvalidInput, colors=colors)
    assert message.startswith(str(colors))
    assert [word for word in words if word not in message] == []

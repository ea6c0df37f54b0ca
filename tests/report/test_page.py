"""The report as a file: what is embedded, what it may load, what it refuses."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carving.errors import InvalidInput, OutputExists
from carving.report import page as report_page
from carving.report import page_data, write_report
from carving.report.page import _assets, _figures, _shown
from carving.report.page._states import typical_leaves
from carving.report.page.assets import fetch_d3
from carving.tree import Tree
from tests.report.page_of import Page, numbers
from tests.trees import chain_tree, random_tree, small_tree

ASSETS = files("carving.report.page") / "assets"
HOSTILE = [
    "</script><script>window.executed = 1</script>",
    "<img src=x onerror='window.executed = 1'>",
    "<!-- <script>",
    "]]>&lt;\u2028\"'`${window.executed = 1}",
    "שלום עולם \u202e",
    "n" * 300,
]


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures have tests of their own, and are most of the time that a report takes."""
    monkeypatch.setattr(_figures, "kinds", list)


@pytest.fixture
def written(tmp_path: Path, without_pictures: None) -> Callable[..., Page]:
    def write(tree: Tree, **options: Any) -> Page:
        path = tmp_path / "report.html"
        write_report(tree, path, force=True, **{"permutations": 19, **options})
        return Page(path)

    return write


def grown(leaves: int, seed: int = 0, **options: Any) -> Tree:
    return random_tree(leaves, generator=np.random.default_rng(seed), **options)


def test_columns_of_the_tree_are_in_the_page_as_they_are(written: Callable[..., Page]):
    tree = grown(60, labels={"kind": ["a", "b", "", "c"] * 15})
    data = written(tree).data
    for name in ("parent", "age", "size", "free_energy", "error"):
        assert np.array_equal(numbers(data["nodes"][name]), getattr(tree.nodes, name)), name
    flags = numbers(data["nodes"]["flags"])
    assert np.array_equal(flags & 1, tree.nodes.converged)
    assert np.array_equal(flags >> 1, tree.nodes.stable)
    assert data["leaves"]["names"] == tree.leaves.name.tolist()
    for name in ("node", "distance", "error"):
        assert np.array_equal(numbers(data["leaves"][name]), getattr(tree.leaves, name)), name
    (kind,) = data["columns"]
    codes = numbers(kind["codes"])
    assert [kind["labels"][code] for code in codes] == tree.labels["kind"].tolist()


@given(seed=st.integers(0, 1000), leaves=st.integers(1, 40))
@settings(max_examples=15)
def test_majorities_are_those_of_members_counted_one_by_one(tmp_path_factory, seed: int, leaves: int):
    labels = np.random.default_rng(seed).choice(["a", "b", "c", ""], size=leaves).tolist()
    tree = grown(leaves, seed, labels={"kind": labels})
    if not any(labels):
        return
    data = page_data(tree)
    (kind,) = data["columns"]
    majority, most = numbers(kind["majority"]), numbers(kind["most"])
    for node in range(len(tree.nodes)):
        held = [labels[leaf] for leaf in tree.members(node) if labels[leaf]]
        expected = min(set(held), key=lambda label: (-held.count(label), label)) if held else ""
        assert kind["labels"][majority[node]] == expected
        assert most[node] == (held.count(expected) if held else 0)


def test_a_condensed_page_counts_labels_in_the_samples(written: Callable[..., Page]):
    labels = ["a", "b", "", "a", "c"] * 40
    tree = grown(200, 1, states=9, labels={"kind": labels})
    data = written(tree, leaves="states").data
    nodes, sizes = numbers(data["leaves"]["node"]), numbers(data["leaves"]["size"])
    (kind,) = data["columns"]
    start, codes, counts = (numbers(kind[name]) for name in ("start", "codes", "counts"))
    assert len(nodes) == 9
    for leaf, node in enumerate(nodes.tolist()):
        of_state = [labels[member] for member in tree.members(node)]
        entries = slice(start[leaf], start[leaf + 1])
        found = {kind["labels"][code]: n for code, n in zip(codes[entries], counts[entries], strict=True)}
        assert found == {label: of_state.count(label) for label in set(of_state)}
        assert sizes[leaf] == len(of_state)


def test_too_many_leaves_are_condensed_and_the_page_says_so(
    written: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
):
    tree = grown(50, states=7)
    assert len(written(tree).data["leaves"]["names"]) == 50
    monkeypatch.setattr(_shown, "MOST_LEAVES", 49)
    page = written(tree)
    assert len(page.data["leaves"]["names"]) == 7
    assert "shown with 7 leaves, one for each state" in page.text
    assert len(written(tree, leaves="samples").data["leaves"]["names"]) == 50


def test_nothing_in_a_name_becomes_an_element(written: Callable[..., Page]):
    names = [f"{name}{number}" for number, name in enumerate(HOSTILE)]
    harmless = written(grown(6, labels={"kind": list("abcdef")}, states=4))
    hostile = written(
        grown(6, names=names, labels={HOSTILE[0]: HOSTILE}, states=4),
        title=HOSTILE[0],
        site_names=HOSTILE[:5],
    )
    assert hostile.data["leaves"]["names"] == names
    # the same elements, whatever things are called; one more for each name of a site that stands alone
    count = [sum(tag == kind for tag, _ in hostile.elements) for kind in ("script", "img", "style")]
    assert count == [sum(tag == kind for tag, _ in harmless.elements) for kind in ("script", "img", "style")]
    assert HOSTILE[0] in hostile.text


def test_a_name_that_turns_the_writing_round_stands_alone(written: Callable[..., Page]):
    turning = "עולם \u202e"
    page = written(small_tree(), site_names=["first", turning])
    assert page.source.count(turning) == page.source.count(f"<bdi>{turning}</bdi>") + page.source.count(
        f'"{turning}"'
    )


def test_the_page_can_load_nothing(written: Callable[..., Page]):
    page = written(grown(30, labels={"kind": ["a", "b", "c"] * 10}), image_shape=(1, 5))
    policy = next(
        attributes["content"] or ""
        for tag, attributes in page.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'unsafe-inline'"
    assert rules["img-src"] == "data: blob:"
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "form"), tag
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            address = attributes.get(name) or ""
            assert not address or address.startswith(("data:", "#")), (tag, address)
    assert "@import" not in page.source
    assert "url(" not in page.source


def test_scripts_end_where_they_should(written: Callable[..., Page]):
    page = written(small_tree())
    assert len(page.scripts) == 3
    for _, text in page.scripts:
        # either would make a browser read on in another way than is meant
        assert "<!--" not in text
        assert "</script" not in text.lower()


def test_modules_of_the_script_have_no_name_in_common():
    names: list[str] = []
    for module in _assets._MODULES:
        source = (ASSETS / f"{module}.js").read_text(encoding="utf-8")
        names += re.findall(r"^(?:export )?(?:const|let|class|function) (\w+)", source, re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    assert sorted(_assets._MODULES) == sorted(
        path.name[:-3] for path in ASSETS.iterdir() if path.name.endswith(".js") and path.name != "d3.min.js"
    )


def test_d3_is_the_one_that_its_script_fetches():
    for name, digest in fetch_d3.FILES.values():
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest
    assert _assets.d3_version() == fetch_d3.VERSION


@pytest.mark.parametrize(
    "labels", [None, {"kind": [""] * 5}, {"kind": list("abcde")}], ids=["none", "empty", "some"]
)
@pytest.mark.parametrize("tree", [small_tree(), grown(5, added_root=True), grown(5, potts_states=3)])
def test_any_tree_has_a_page(written: Callable[..., Page], tree: Tree, labels: dict[str, list[str]] | None):
    columns = (
        {} if labels is None else {name: np.array(column, dtype=object) for name, column in labels.items()}
    )
    data = written(replace(tree, labels=columns, colors={})).data
    assert len(data["columns"]) == (1 if labels and any(labels["kind"]) else 0)


def test_a_single_leaf_has_a_page(written: Callable[..., Page]):
    page = written(grown(1))
    assert "1 sample" in page.text
    assert page.data["sites"] is None


def test_two_hundred_labels_have_a_colour_each(written: Callable[..., Page]):
    labels = [f"label {number % 200}" for number in range(600)]
    (column,) = written(grown(600, states=20, labels={"kind": labels})).data["columns"]
    assert len(set(column["colors"][1:])) == 200


def test_remarks_stand_beside_leaves_and_are_no_colours(written: Callable[..., Page]):
    remarks = [f"remark {number}" for number in range(300)]
    data = written(grown(300, labels={"remark": remarks, "kind": ["a", "b", "c"] * 100})).data
    assert [column["name"] for column in data["columns"]] == ["kind"]
    assert data["texts"] == [{"name": "remark", "values": remarks}]


def test_names_of_nodes_that_can_be_counted_take_no_room(written: Callable[..., Page]):
    tree = grown(40, names=["t1.0", *(f"leaf {number}" for number in range(39))])
    others = written(tree).data["nodes"]["other_names"]
    rank = [int(np.sum(tree.nodes.age[:node] == age)) for node, age in enumerate(tree.nodes.age)]
    usual = [f"t{age}.{k}" for age, k in zip(tree.nodes.age, rank, strict=True)]
    found = [others.get(str(node), name) for node, name in enumerate(usual)]
    assert found == tree.nodes.name.tolist()


def test_a_typical_leaf_is_a_member_and_the_nearest_in_its_state():
    tree = grown(80, 5, states=20)
    for node, leaf in enumerate(typical_leaves(tree)):
        members = tree.members(node)
        assert leaf in members
        if not len(tree.children.of(node)):
            assert tree.leaves.distance[leaf] == tree.leaves.distance[members].min()


def test_images_are_the_states(written: Callable[..., Page]):
    import base64
    from io import BytesIO

    from PIL import Image

    tree = grown(12, 2, sites=6, states=5)
    images = written(tree, image_shape=(2, 3)).data["images"]
    sheet = np.asarray(Image.open(BytesIO(base64.b64decode(images["source"].partition(",")[2]))))
    for tile, node in enumerate(numbers(images["node"]).tolist()):
        top, left = 2 * (tile // images["across"]), 3 * (tile % images["across"])
        shade = 1 - sheet[top : top + 2, left : left + 3] / 255
        assert shade == pytest.approx(tree.nodes.visible[node].reshape(2, 3), abs=1 / 255)


def test_sites_of_the_deepest_split_are_where_its_branches_differ_most(written: Callable[..., Page]):
    page = written(small_tree(), site_names=["first", "second"])
    # t1.0 parts (0, ½) from (1, 1): by 1 at the first site, by ½ at the second
    assert "first (−1.00), second (−0.50)" in page.text
    sites = page.data["sites"]
    row = numbers(sites["node"]).tolist().index(4)
    assert [sites["names"][site] for site in numbers(sites["site"]).reshape(-1, sites["rows"])[row]] == [
        "first",
        "second",
    ]


@pytest.mark.parametrize("leaves", [5_000, 20_000])
def test_the_file_is_small(written: Callable[..., Page], leaves: int):
    tree = grown(leaves, states=leaves, ages=30, labels={"kind": ["a", "b"] * (leaves // 2)})
    size = len(written(tree).source.encode())
    names = sum(len(name.encode()) for name in tree.leaves.name)
    # of the 3 MB, pictures have the rest
    assert size <= 1.9e6 + names + 24 * 2 * leaves


def test_a_chain_of_any_depth_has_a_page(written: Callable[..., Page]):
    data = written(chain_tree(20_000)).data
    assert len(data["leaves"]["names"]) == 20_001


def test_pictures_are_in_the_page_with_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    few = [kind for kind in _figures.kinds() if kind.name in ("river", "split", "states")]
    monkeypatch.setattr(_figures, "kinds", lambda: few)
    path = tmp_path / "report.html"
    write_report(small_tree(), path, permutations=19)
    images = [attributes for tag, attributes in Page(path).elements if tag == "img"]
    assert len(images) == 3
    assert all((image["src"] or "").startswith("data:image/") and image["alt"] for image in images)


def test_what_does_not_fit_is_refused_and_leaves_nothing(tmp_path: Path):
    path, tree = tmp_path / "report.html", small_tree()
    refused: list[dict[str, Any]] = [
        {"image_shape": (2, 2)},
        {"site_names": ["one"]},
        {"alphabet": "AC"},
        {"leaves": "branches"},
        {"samples": np.zeros((3, 2))},
    ]
    for options in refused:
        with pytest.raises(InvalidInput) as caught:
            write_report(tree, path, permutations=1, **options)
        assert "\n" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_kept(tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(OutputExists):
        write_report(small_tree(), path)
    assert path.read_text() == "mine"


def test_the_same_tree_gives_the_same_page(written: Callable[..., Page]):
    tree = grown(40, labels={"kind": ["a", "b"] * 20})
    assert written(tree).source == written(tree).source


def test_parts_are_reported(tmp_path: Path, without_pictures: None):
    reports = []
    write_report(small_tree(), tmp_path / "report.html", permutations=1, progress=reports.append)
    assert [report.done for report in reports] == list(range(1, len(reports) + 1))
    assert reports[-1].done == reports[-1].total


def test_public_names():
    assert report_page.__all__ == [
        "write_report",
        "page_data",
        "MOST_LEAVES",
        "ASSETS",
        "asset",
        "tree_view",
    ]

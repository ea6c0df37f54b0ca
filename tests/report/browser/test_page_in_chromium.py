"""The report in real Chromium, from a file and without a network: it does what it says and nothing else."""

import csv
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from carving.report import write_report
from carving.report.page import _figures
from carving.tree import Tree
from tests.report.browser.driver import WHEEL, open_browser, open_page, until, why_no_browser
from tests.trees import chain_tree, random_tree

pytestmark = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser())

LEAVES = 240
HOSTILE = (
    "</script><script>window.executed = 1</script>",
    "<img src=x onerror='window.executed = 1'>",
    "שלום \u202e עולם",
    "w" * 300,
    'a "quoted", name',
    "=1+1",
)
CHOOSE_AGE = """
const field = document.getElementById("age-field");
field.value = text;
field.dispatchEvent(new Event("input", { bubbles: true }));
"""
SHOWN_PARTITION = """
const { tree, model } = window.carving;
return Array.from(tree.leafNode, (node) => model.group[node]);
"""
# what the panel says of a branch: numbers as they are stored, not as they are shown
FACTS = """
return Object.fromEntries(Array.from(document.querySelectorAll("#panel .facts div"), (row) => {
  const [name, content] = row.children;
  const number = content.querySelector("data");
  return [name.textContent, number ? number.value : content.textContent];
}));
"""


def labelled_tree() -> Tree:
    generator = np.random.default_rng(3)
    names = [*HOSTILE, *(f"sample {number}" for number in range(LEAVES - len(HOSTILE)))]
    labels = {
        "kind": generator.choice(["red", "blue", ""], size=LEAVES).tolist(),
        HOSTILE[1]: generator.choice(HOSTILE, size=LEAVES).tolist(),
    }
    colors = {"kind": {"red": "#ff0000", "blue": "#0000ff"}}
    options = {"states": 60, "ages": 8, "sites": 6, "labels": labels, "colors": colors}
    return random_tree(LEAVES, generator=generator, names=names, **options)


def written(tree: Tree, folder: Path, *, pictures: tuple[str, ...] = (), **options: Any) -> str:
    """The address of a page with few pictures, which have tests of their own."""
    few = [kind for kind in _figures.kinds() if kind.name in pictures]
    path = folder / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_figures, "kinds", lambda: few)
        write_report(tree, path, permutations=9, **options)
    return path.as_uri()


@pytest.fixture(scope="module")
def tree() -> Tree:
    return labelled_tree()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def chromium(folder: Path) -> Iterator[Any]:
    with open_browser(folder) as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tree: Tree, folder: Path) -> str:
    return written(tree, folder, pictures=("river",), title=HOSTILE[0], image_shape=(2, 3))


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    """A fresh page; whatever a test does with it, nothing is complained about and nothing was executed."""
    opened(chromium, address)
    yield chromium
    assert chromium.execute_script("return window.executed === undefined")
    assert [entry["message"] for entry in chromium.get_log("browser")] == []


def opened(browser: Any, address: str) -> None:
    open_page(browser, address, ready="window.carving?.firstDrawn")


def drawn(page: Any) -> None:
    """Wait for the next picture."""
    twice = "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));"
    page.execute_async_script(f"const done = arguments[0]; {twice}")


def find(page: Any, selector: str) -> Any:
    return page.find_element("css selector", selector)


def choose_age(page: Any, age: int | str) -> None:
    page.execute_script(f"const text = arguments[0]; {CHOOSE_AGE}", str(age))


def shown_partition(page: Any) -> list[int]:
    return page.execute_script(SHOWN_PARTITION)


def select(page: Any, vertex: int) -> None:
    page.execute_script("window.carving.select(arguments[0])", vertex)


def downloaded(folder: Path) -> list[list[str]]:
    """The rows of the only file that was downloaded since, which is taken away."""
    (path,) = until(lambda: [path for path in folder.glob("*.csv") if path.stat().st_size], seconds=20)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    path.unlink()
    return rows


def test_names_are_shown_as_they_are(page: Any, tree: Tree):
    assert find(page, "h1").text == HOSTILE[0]
    for leaf, name in enumerate(HOSTILE):
        select(page, len(tree.nodes) + leaf)
        shown = page.execute_script("return document.querySelector('#panel h3 bdi').textContent")
        assert shown == name


def test_every_age_has_the_groups_of_the_tree(page: Any, tree: Tree):
    ages = range(int(tree.ages.updates[-1]), int(tree.ages.updates[0]) + 1)
    script = (
        f"const shown = () => {{ {SHOWN_PARTITION} }};"
        f"return arguments[0].map((text) => {{ {CHOOSE_AGE} return shown(); }});"
    )
    found = page.execute_script(script, [str(age) for age in ages])
    for age, partition in zip(ages, found, strict=True):
        assert partition == tree.partition(age).tolist(), age


def test_every_step_of_the_slider_is_a_checkpoint(page: Any, tree: Tree):
    from selenium.webdriver.common.keys import Keys

    slider = find(page, "#age-slider")
    slider.send_keys(Keys.HOME)
    for age in tree.ages.updates[::-1].tolist():
        assert shown_partition(page) == tree.partition(age).tolist()
        assert find(page, "#age-field").get_attribute("value") == str(age)
        groups = len(set(tree.partition(age).tolist()))
        assert find(page, "#groups caption").text.startswith(f"{groups} group")
        slider.send_keys(Keys.ARROW_RIGHT)


@pytest.mark.parametrize("age", ["", "-5", "1e9", "12.5"])
def test_what_is_no_age_changes_nothing(page: Any, age: str):
    before = shown_partition(page)
    choose_age(page, age)
    assert shown_partition(page) == before
    assert find(page, "#age-field").get_attribute("aria-invalid") == "true"


@pytest.mark.parametrize("leaf", [0, 2, 4, 100])
def test_search_finds_a_leaf_by_a_part_of_its_name(page: Any, tree: Tree, leaf: int):
    from selenium.webdriver.common.keys import Keys

    name = tree.leaves.name[leaf]
    find(page, "#search").send_keys(name[:-1].upper() if name.isascii() else name)
    found = [each.text for each in page.find_elements("css selector", "#found button")]
    assert name in found
    page.execute_script("document.getElementById('search').value = arguments[0]", name)
    find(page, "#search").send_keys(Keys.ENTER)
    assert page.execute_script("return window.carving.model.selected") == len(tree.nodes) + leaf


def test_search_says_when_nothing_is_found(page: Any):
    find(page, "#search").send_keys("no such sample")
    assert find(page, "#found").text == "0 found"


def strip_colors(page: Any) -> list[list[int]]:
    """The colour of every leaf in the strip of the chosen column, as it is on the canvas."""
    script = """
    const { picture, tree } = window.carving;
    const x = Math.round((picture.right + 8) * picture.ratio);
    const { data } = picture.context.getImageData(x, 0, 1, picture.canvas.height);
    return Array.from(tree.leafNode, (_, leaf) => {
      const y = Math.round(picture.yOf(picture.middleOf(tree.nodes + leaf)) * picture.ratio);
      return Array.from(data.slice(4 * y, 4 * y + 3));
    });
    """
    return page.execute_script(script)


def test_the_strip_has_the_colour_of_every_leaf(page: Any, tree: Tree):
    drawn(page)
    rgb = {"red": [255, 0, 0], "blue": [0, 0, 255], "": [154, 154, 154]}
    right = [
        color == rgb[label] for color, label in zip(strip_colors(page), tree.labels["kind"], strict=True)
    ]
    # where two leaves meet in a pixel, it is a mixture of both
    assert np.mean(right) > 0.9


def test_another_column_has_other_colours(page: Any):
    from selenium.webdriver.support.select import Select

    drawn(page)
    seen = set()
    choice = Select(find(page, "#color-by"))
    for number in range(len(choice.options)):
        choice.select_by_index(number)
        drawn(page)
        seen.add(page.execute_script("return document.getElementById('tree').toDataURL()"))
    assert len(seen) == 3


def node_at(page: Any, tree: Tree, node: int) -> tuple[float, float]:
    """Where, from the middle of the canvas, the band of a node lies."""
    parent = int(tree.nodes.parent[node])
    start = "picture.low" if parent < 0 else f"picture.logAge[{parent}]"
    script = (
        f"const {{ picture }} = window.carving; const box = picture.canvas.getBoundingClientRect();"
        f"const x = (picture.xOfLog({start}) + picture.xOfLog(picture.logAge[{node}])) / 2;"
        f"return [x - box.width / 2, picture.yOf(picture.middleOf({node})) - box.height / 2];"
    )
    return page.execute_script(script)


def click(page: Any, place: tuple[float, float]) -> None:
    from selenium.webdriver import ActionChains

    canvas = find(page, "#tree")
    page.execute_script("arguments[0].scrollIntoView()", canvas)
    x, y = (round(value) for value in place)
    ActionChains(page).move_to_element_with_offset(canvas, x, y).click().perform()


def largest(tree: Tree) -> list[int]:
    """The root, and large nodes below it that are wide enough to be clicked at."""
    log_age, parent = np.log1p(tree.nodes.age), tree.nodes.parent
    long = log_age - log_age[np.maximum(parent, 0)] > 0.1
    nodes = np.flatnonzero(long | (parent < 0))
    return nodes[np.argsort(-tree.nodes.size[nodes], kind="stable")][:4].tolist()


def test_a_click_shows_what_the_tree_holds_of_a_node(page: Any, tree: Tree):
    nodes = tree.nodes
    for node in largest(tree):
        click(page, node_at(page, tree, node))
        assert find(page, "#panel h3").text == f"State {nodes.name[node]}"
        facts = page.execute_script(FACTS)
        assert float(facts["Samples"]) == nodes.size[node]
        assert float(facts["One group up to age"]) == nodes.age[node]
        assert float(facts["Free energy Γ"]) == nodes.free_energy[node]
        assert float(facts["Error"]) == nodes.error[node]
        assert facts["Converged"] == ("yes" if nodes.converged[node] else "no")
        assert facts["Stable"] == ("yes" if nodes.stable[node] else "no")
        assert facts["Typical sample"] in tree.leaves.name[tree.members(node)]


def test_the_composition_of_a_node_is_that_of_its_members(page: Any, tree: Tree):
    for node in (tree.root, 0, tree.root // 2):
        select(page, node)
        held = tree.labels["kind"][tree.members(node)].tolist()
        rows = page.find_elements("css selector", "#panel .composition:first-of-type tbody tr")
        found = {}
        for row in rows:
            label = row.find_element("css selector", "th").text
            found[label] = int(row.find_element("css selector", "data").get_attribute("value"))
        assert found == {label or "unknown": held.count(label) for label in set(held)}


def test_members_are_downloaded_with_their_labels(page: Any, tree: Tree, folder: Path):
    node = largest(tree)[1]
    select(page, node)
    find(page, "#download-members").click()
    head, *rows = downloaded(folder)
    assert head == ["name", "state", "distance", *tree.labels]
    expected = {
        tree.leaves.name[leaf]: [
            tree.nodes.name[tree.leaves.node[leaf]],
            tree.leaves.distance[leaf],
            *(column[leaf] for column in tree.labels.values()),
        ]
        for leaf in tree.members(node).tolist()
    }
    assert {name: [state, float(distance), *labels] for name, state, distance, *labels in rows} == expected


def test_groups_are_downloaded(page: Any, tree: Tree, folder: Path):
    age = int(tree.ages.updates[2])
    choose_age(page, age)
    find(page, "#download-groups").click()
    _, *rows = downloaded(folder)
    names = tree.nodes.name[tree.partition(age)]
    assert rows == [list(pair) for pair in zip(tree.leaves.name, names, strict=True)]


def test_keys_walk_the_tree_and_are_spoken_of(page: Any, tree: Tree):
    from selenium.webdriver.common.keys import Keys

    canvas = find(page, "#tree")
    selected = "return window.carving.model.selected"
    canvas.send_keys(Keys.HOME)
    assert page.execute_script(selected) == tree.root
    assert tree.nodes.name[tree.root] in find(page, "#spoken").get_attribute("textContent")
    canvas.send_keys(Keys.ARROW_RIGHT)
    child = page.execute_script(selected)
    children = tree.children.of(tree.root)
    assert child in children
    assert tree.nodes.size[child] == tree.nodes.size[children].max()
    assert tree.nodes.name[child] in find(page, "#spoken").get_attribute("textContent")
    canvas.send_keys(Keys.ARROW_LEFT)
    assert page.execute_script(selected) == tree.root
    canvas.send_keys(Keys.ESCAPE)
    assert page.execute_script(selected) == -1


def test_a_collapsed_branch_takes_less_room_and_comes_back(page: Any, tree: Tree):
    from selenium.webdriver.common.keys import Keys

    node = int(tree.children.of(tree.root)[np.argmax(tree.nodes.size[tree.children.of(tree.root)])])
    height = (
        f"const {{ tree, model }} = window.carving; const node = {node};"
        "return model.edges[tree.endRow[node]] - model.edges[tree.firstRow[node]];"
    )
    before = page.execute_script(height)
    select(page, node)
    canvas = find(page, "#tree")
    canvas.send_keys(Keys.SPACE)
    assert page.execute_script(height) < 0.8 * before
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert page.execute_script("return window.carving.model.selected") == node
    canvas.send_keys(Keys.SPACE)
    assert page.execute_script(height) == pytest.approx(before)


def test_wheel_and_keys_zoom_and_show_all_comes_back(page: Any):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    width = "return window.carving.model.rows.width"
    canvas = find(page, "#tree")
    page.execute_script("arguments[0].scrollIntoView()", canvas)
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(canvas), 0, -300).perform()
    zoomed = page.execute_script(width)
    assert zoomed < 0.9
    canvas.send_keys("+")
    assert page.execute_script(width) < zoomed
    page.execute_script("matchMedia = () => ({ matches: true })")
    canvas.send_keys("0")
    assert page.execute_script(width) == 1


def test_every_control_has_a_name(page: Any):
    for control in page.find_elements("css selector", "button, input, select, canvas[tabindex]"):
        if control.is_displayed():
            assert control.accessible_name, control.get_attribute("outerHTML")


def test_print_has_the_still_picture_instead_of_the_canvas(page: Any):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not find(page, "#tree").is_displayed()
        assert not find(page, "#search").is_displayed()
        assert find(page, ".still img").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_lines_show_the_same_tree(page: Any):
    drawn(page)
    before = page.execute_script("return document.getElementById('tree').toDataURL()")
    find(page, "#as-lines").click()
    drawn(page)
    assert page.execute_script("return document.getElementById('tree').toDataURL()") != before


@pytest.mark.parametrize(
    "tree",
    [
        random_tree(1, generator=np.random.default_rng(0)),
        random_tree(3, generator=np.random.default_rng(0), added_root=True, states=3),
        random_tree(9, generator=np.random.default_rng(0), potts_states=3, ages=1),
    ],
    ids=["one leaf", "added root", "one age"],
)
def test_small_trees_open(chromium: Any, tmp_path: Path, tree: Tree):
    opened(chromium, written(tree, tmp_path))
    for vertex in range(len(tree.nodes) + len(tree.leaves)):
        select(chromium, vertex)
    for age in tree.ages.updates.tolist():
        choose_age(chromium, age)
        assert shown_partition(chromium) == tree.partition(age).tolist()
    drawn(chromium)
    assert [entry["message"] for entry in chromium.get_log("browser")] == []


def test_a_condensed_tree_opens(chromium: Any, tmp_path: Path, tree: Tree):
    opened(chromium, written(tree, tmp_path, leaves="states"))
    select(chromium, tree.root)
    found = chromium.find_elements("css selector", "#panel .composition:first-of-type data")
    held = tree.labels["kind"].tolist()
    assert sorted(int(each.get_attribute("value")) for each in found) == sorted(map(held.count, set(held)))
    drawn(chromium)
    assert [entry["message"] for entry in chromium.get_log("browser")] == []


@pytest.mark.slow
def test_twenty_thousand_leaves_are_smooth(chromium: Any, tmp_path: Path):
    labels = {"kind": np.random.default_rng(0).choice(list("abcdef"), size=20_000).tolist()}
    tree = random_tree(20_000, generator=np.random.default_rng(0), states=20_000, ages=40, labels=labels)
    opened(chromium, written(tree, tmp_path))
    assert chromium.execute_script("return window.carving.firstDrawn") <= 2000
    assert median(chromium.execute_async_script(WHEEL)) <= 50


@pytest.mark.slow
def test_a_chain_of_a_hundred_thousand_states_opens(chromium: Any, tmp_path: Path):
    tree = chain_tree(100_000)
    opened(chromium, written(tree, tmp_path, leaves="samples"))
    for age in (1, 50_000, 100_001):
        choose_age(chromium, age)
        assert shown_partition(chromium) == tree.partition(age).tolist()
    select(chromium, 0)
    drawn(chromium)
    assert [entry["message"] for entry in chromium.get_log("browser")] == []


def test_a_page_without_pictures_prints_the_tree_as_it_is_on_the_screen(
    chromium: Any, tmp_path: Path, tree: Tree
):
    opened(chromium, written(tree, tmp_path))
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert find(chromium, "#tree").is_displayed()
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_the_list_of_what_was_found_goes_away_when_one_is_chosen(page: Any):
    find(page, "#search").send_keys("sample 1")
    found = find(page, "#found")
    assert found.is_displayed()
    found.find_element("css selector", "button").click()
    assert not found.is_displayed()

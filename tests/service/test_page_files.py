"""The page of the service as files: every name that one asks for is there, and nothing else is."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from carving.report.page import ASSETS
from carving.service.page import _OWN, POLICY, asset

FOLDER = files("carving.service.page") / "assets"
IMPORT = re.compile(r'from "\./([\w.]+)";')


class Elements(HTMLParser):
    """All elements of a page, with their attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def elements() -> list[tuple[str, dict[str, str | None]]]:
    return Elements(asset("index.html")[0].decode()).found


def test_files_are_those_in_the_list():
    assert sorted(path.name for path in FOLDER.iterdir() if path.is_file()) == sorted(_OWN)
    # they lie in one folder of addresses
    assert not set(_OWN) & set(ASSETS)


def test_every_module_that_is_imported_is_there():
    wanted, seen = ["service.js"], set()
    while wanted:
        name = wanted.pop()
        if name not in seen:
            seen.add(name)
            content, media_type = asset(name)
            assert media_type.startswith("text/javascript")
            wanted += IMPORT.findall(content.decode())
    assert {name for name in (*_OWN, *ASSETS) if name.endswith(".js")} - seen == {"d3.min.js"}


def test_the_page_asks_only_for_its_own_files(elements: list[tuple[str, dict[str, str | None]]]):
    addresses = [
        attributes.get(name) for _, attributes in elements for name in ("src", "href") if name in attributes
    ]
    for address in addresses:
        assert address is not None
        assert (
            address in ("data:,", "docs") or address.startswith("#") or asset(address.removeprefix("page/"))
        )


def test_nothing_is_in_the_page_that_its_policy_would_not_run(
    elements: list[tuple[str, dict[str, str | None]]],
):
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'")
    for tag, attributes in elements:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_elements_have_names_of_their_own(elements: list[tuple[str, dict[str, str | None]]]):
    names = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(names) == len(set(names))
    scripts = "".join(asset(name)[0].decode() for name in _OWN if name.endswith(".js"))
    assert set(re.findall(r'find\("([\w-]+)"\)', scripts)) <= set(names)


@pytest.mark.parametrize(
    "name", ["", "app.js", "../page.py", "__init__.py", "page.html", "tree_view.html", "index.html/"]
)
def test_other_names_are_no_files(name: str):
    with pytest.raises(KeyError):
        asset(name)

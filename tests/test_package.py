"""What is installed is whole, and what describes it agrees with itself."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("package", ["carving", "cli"])
def test_every_folder_of_modules_is_a_package(package):
    # a folder without __init__.py works in the repository and is missing from the wheel
    folders = {file.parent for file in (REPOSITORY / package).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("package", ["carving", "cli"])
def test_types_are_declared(package):
    assert (REPOSITORY / package / "py.typed").is_file()


def test_every_requirement_has_a_reproducible_version():
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {}
    for line in filter(lambda line: line and not line.startswith("#"), lines):
        name, _, version = line.partition("==")
        pinned[canonicalize_name(name)] = version
    extras = PROJECT["optional-dependencies"]
    asked = [
        Requirement(line)
        for line in (*PROJECT["dependencies"], *extras["ete"], *extras["test"], *extras["docs"])
    ]
    outside = {
        requirement.name: pinned.get(canonicalize_name(requirement.name))
        for requirement in asked
        if requirement.name != PROJECT["name"]
        and not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"))
    }
    assert outside == {}


@pytest.mark.parametrize(("file", "line"), [("CITATION.cff", "^version: {}$"), ("CHANGELOG.md", "^## {}")])
def test_the_version_is_the_same_everywhere(file, line):
    pattern = line.format(re.escape(PROJECT["version"]))
    assert re.search(pattern, (REPOSITORY / file).read_text("utf-8"), re.MULTILINE)

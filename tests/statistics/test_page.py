"""The page about labels: its example runs."""

import re
from pathlib import Path

import pytest

from tests.statistics.test_words import planted_tree

PAGE = Path(__file__).parents[2] / "docs" / "labels.md"


def test_the_example_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    planted_tree().save("tree")
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(compile(code, "labels.md", "exec"), names)
    assert names["column"] == "planted"
    assert "The groups agree with the labels of planted best at age" in capsys.readouterr().out

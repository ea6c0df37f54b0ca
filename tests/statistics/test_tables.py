"""The files: read with pandas they hold what the functions say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from carving import statistics
from tests.statistics.planted import labelled_tree

ALL = ["levels.csv", "composition.csv", "enrichment.csv", "separations.csv", "splits.csv", "sites.csv"]
AWKWARD = 'a "quoted", name\nof two lines'


@pytest.fixture
def tree():
    tree = labelled_tree(7, leaves=40, labels=3, unknown=0.2, states=8, sites=6)
    other = np.array([AWKWARD if index % 3 else "NA" for index in range(40)], dtype=object)
    return replace(tree, labels={**tree.labels, "other": other})


def test_tables_hold_what_the_functions_say(tree, tmp_path):
    agreements = statistics.best_levels(tree, permutations=9, generator=np.random.default_rng(0))
    assert statistics.write_tables(tree, tmp_path, agreements, count=4) == ALL
    read = {name: pd.read_csv(tmp_path / name, keep_default_na=False) for name in ALL}
    names = tree.nodes.name
    for column in tree.labels:
        mine = {name: table[table["column"] == column] for name, table in read.items() if "column" in table}
        found = agreements[column]
        assert mine["levels.csv"]["score"].tolist() == pytest.approx(found.score.tolist(), abs=0)
        assert mine["levels.csv"]["best"].tolist().index(True) == found.best
        held = statistics.composition(tree, column)
        counts = np.zeros_like(held.counts)
        rows = mine["composition.csv"]
        node = [names.tolist().index(name) for name in rows["node"]]
        counts[node, [held.labels.index(label) for label in rows["label"]]] = rows["count"]
        assert counts.tolist() == held.counts.tolist()
        assert (rows["count"] / rows["known"]).tolist() == rows["share_of_known"].tolist()
        assert rows["unknown"].tolist() == held.unknown[node].tolist()
        enriched = statistics.enrichment(tree, column)
        assert mine["enrichment.csv"]["q_value"].tolist() == enriched.q_value.tolist()
        assert mine["enrichment.csv"]["label"].tolist() == enriched.label.tolist()
        parted = statistics.separations(tree, column)
        ages = [float(age or "nan") for age in mine["separations.csv"]["age"].astype(str)]
        assert ages == pytest.approx(parted.age.tolist(), nan_ok=True)
    found = statistics.splits(tree)
    assert list(dict.fromkeys(read["splits.csv"]["node"])) == names[found.node].tolist()
    assert read["splits.csv"]["child"].tolist() == names[np.concatenate(found.children)].tolist()
    for node in found.node.tolist():
        rows = read["sites.csv"][read["sites.csv"]["node"] == names[node]]
        differences = statistics.distinguishing_sites(tree, node, count=4)
        assert rows["site"].tolist() == differences.site.tolist()
        assert (rows["in_first"] - rows["in_second"]).tolist() == pytest.approx(rows["difference"].tolist())
        assert rows["difference"].tolist() == differences.difference.tolist()


def test_without_comparisons_the_other_tables_are_there(tree, tmp_path):
    assert statistics.write_tables(replace(tree, labels={}), tmp_path) == ["splits.csv", "sites.csv"]
    other = tmp_path / "other"
    other.mkdir()
    assert "levels.csv" not in statistics.write_tables(tree, other)
    assert (other / "composition.csv").exists()


def test_a_tree_of_one_state_has_tables_without_rows(tmp_path):
    tree = labelled_tree(0, leaves=5, labels=2, states=1, ages=2)
    agreements = statistics.best_levels(tree, permutations=9, generator=np.random.default_rng(0))
    assert statistics.write_tables(tree, tmp_path, agreements) == ALL
    for name in ("enrichment.csv", "splits.csv", "sites.csv"):
        assert len(pd.read_csv(tmp_path / name)) == 0
    assert len(pd.read_csv(tmp_path / "separations.csv")) == 1

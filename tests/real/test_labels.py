"""What labels say about the trees of genomes, digits and planted samples; and of shuffled labels, nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from carving.statistics import best_levels, distinguishing_sites, in_words, separations, splits
from carving.tree import Tree
from tests.real.machines import MACHINES

pytestmark = pytest.mark.data

LABELS = {"hgd": "hgd_labels.csv", "mnist": "mnist_labels.csv", "planted": "planted_labels.csv"}


@pytest.fixture
def labelled(shared, tree_of):
    def tree(name: str) -> Tree:
        samples, rows = MACHINES[name]
        labels = pd.read_csv(shared / "data" / LABELS[name], dtype=str, index_col="name")
        with np.load(shared / "data" / samples) as stored:
            names = stored["names"] if "names" in stored else np.arange(len(labels)).astype(str)
        chosen = labels.loc[names[:rows]]
        return replace(tree_of(name), labels={column: chosen[column].to_numpy(object) for column in chosen})

    return tree


def words_of(tree: Tree, seed: int = 0) -> str:
    return in_words(tree, best_levels(tree, generator=np.random.default_rng(seed)))


def test_genomes_are_grouped_by_continent(labelled):
    tree = labelled("hgd")
    words = words_of(tree)
    assert "The groups agree with the labels of continent best at age 8,000 (7 groups)" in words
    # the score that comes with the data
    assert "adjusted mutual information 0.894; of 999 shuffles of the labels none" in words
    # of whatever share of Africa's samples: the first thing learned is who is from there
    first, second = tree.children.of(tree.root)
    inside = tree.members(int(min(first, second, key=lambda child: tree.nodes.size[child])))
    of_africa = tree.labels["continent"][inside] == "AFR"
    assert of_africa.mean() > 0.99
    assert f"(AFR: {of_africa.sum():,} of 1,322)" in words
    parted = separations(tree, "continent")
    assert {parted.first[0], parted.second[0]} == {"AMR", "EUR"}


def test_sites_that_tell_africa_apart_are_those_whose_frequencies_differ(labelled, values_of):
    tree = labelled("hgd")
    found = distinguishing_sites(tree, tree.root, count=None)
    values = values_of("hgd")
    one, other = (values[tree.members(int(child))].mean(0) for child in found.children)
    # an independent measure: allele frequencies of the samples on both sides
    difference = (one - other)[found.site]
    assert np.corrcoef(difference, found.difference)[0, 1] > 0.98
    assert (np.sign(difference[:100]) == np.sign(found.difference[:100])).all()
    rank = np.argsort(np.argsort(-np.abs(difference)))
    assert rank[:10].max() < 50
    assert np.abs(difference[:10]).min() > 0.75


def test_fours_and_nines_part_last(labelled):
    tree = labelled("mnist")
    parted = separations(tree, "digit")
    pairs = [*zip(parted.first, parted.second, strict=True)]
    assert pairs[0] == ("4", "9")
    assert {*pairs[1:3]} == {("3", "5"), ("7", "9")}
    assert "Of these labels 4 and 9 part last" in words_of(tree)


def test_planted_levels_are_found(labelled):
    tree = labelled("planted")
    found = best_levels(tree, generator=np.random.default_rng(0))
    # levels 1 and 2 appear exactly at some age
    exact = [column for column, each in found.items() if each.score[each.best] > 0.999]
    assert len(exact) >= 2
    assert all(found[column].best_p_value == 0.001 for column in exact)
    assert len(splits(tree)) >= 3


@pytest.mark.parametrize(("name", "column"), [("hgd", "continent"), ("mnist", "digit")])
def test_with_the_labels_shuffled_there_is_nothing_and_it_is_said(labelled, name, column):
    tree, found = labelled(name), 0
    for seed in range(20):
        labels = {column: np.random.default_rng(seed).permutation(tree.labels[column])}
        words = words_of(replace(tree, labels=labels), seed)
        found += f"do not agree with the labels of {column} better than shuffled labels do" not in words
    # one of a hundred is expected; more than one of twenty would be in one of 60 cases
    assert found <= 1

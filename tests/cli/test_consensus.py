"""``carve consensus``: what it leaves is read back by other programs, agrees with itself, and is whole."""

import itertools
import json
import shutil
from collections import Counter
from pathlib import Path

import dendropy
import numpy as np
import pandas as pd
import pytest
from Bio import Phylo

import carving
from carving.tree import Tree, compare
from tests.cli.workspace import run, succeed
from tests.tree.related_trees import clades_of, exchanged, shuffled, some_leaves
from tests.trees import random_tree

FILES = ["consensus.nexus", "consensus.nwk", "distances.csv", "summary.json", "tree.zarr"]
NAMES = ["a'b", "x_y", "two words", "(c:d)", "日本", *(f"s{number}" for number in range(9))]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Tree], Path]:
    """Five trees that agree in part, and the folder where they are stored as t1, …, t5."""
    folder = tmp_path_factory.mktemp("trees")
    generator = np.random.default_rng(1)
    base = random_tree(len(NAMES), generator=generator, names=NAMES, states=9)
    made = [shuffled(exchanged(base, generator), generator) for _ in range(5)]
    for number, tree in enumerate(made, start=1):
        tree.save(folder / f"t{number}")
    return made, folder


@pytest.fixture
def trees(stored: tuple[list[Tree], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Tree]:
    """The same trees, stored in the current folder."""
    made, folder = stored
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return made


PATHS = ("t1", "t2", "t3", "t4", "t5")


def shares(trees: list[Tree]) -> dict[frozenset[str], float]:
    """The share of the trees that have each clade of more than half of them, by counting."""
    counts = Counter(clade for tree in trees for clade in clades_of(tree))
    return {clade: count / len(trees) for clade, count in counts.items() if 2 * count > len(trees)}


def test_the_command_leaves_every_file_and_says_so(trees: list[Tree]):
    said = json.loads(succeed("consensus", *PATHS, "--json", "-o", "out").stdout)
    assert sorted(said["files"]) == sorted(path.name for path in Path("out").iterdir()) == FILES
    assert json.loads(Path("out/summary.json").read_text("utf-8")) == {
        key: value for key, value in said.items() if key != "output"
    }
    kept = shares(trees)
    assert (said["clades"], said["samples"]) == (len(kept) - 1, len(NAMES))
    assert said["clades_of_0.9"] == sum(share >= 0.9 for share in kept.values()) - 1
    text = succeed("consensus", *PATHS, "-o", "again").stdout
    assert f"{said['clades']} clades" in text
    assert "t1" in text


def test_newick_has_the_support_where_names_of_nodes_are(trees: list[Tree]):
    succeed("consensus", *PATHS, "-o", "out")
    tree = dendropy.Tree.get(path="out/consensus.nwk", schema="newick", preserve_underscores=True)
    found = {
        frozenset(leaf.taxon.label for leaf in node.leaf_iter()): float(node.label)
        for node in tree.preorder_internal_node_iter()
    }
    assert found == pytest.approx(shares(trees))
    assert len(found) > 3
    # confidences, as Biopython calls them
    read = Phylo.read("out/consensus.nwk", "newick")  # pyright: ignore[reportPrivateImportUsage]
    confidences = [clade.confidence for clade in read.get_nonterminals()]
    assert sorted(confidences) == pytest.approx(sorted(found.values()))


def test_nexus_tells_support_age_and_size_of_every_clade(trees: list[Tree]):
    succeed("consensus", *PATHS, "-o", "out")
    tree = dendropy.Tree.get(path="out/consensus.nexus", schema="nexus", extract_comment_metadata=True)
    agreed = compare.consensus(trees)
    wanted = {
        frozenset(agreed.leaves[agreed.members(clade)]): [
            float(column[clade]) for column in (agreed.support, agreed.age, agreed.size)
        ]
        for clade in range(len(agreed))
    }
    found = {
        frozenset(leaf.taxon.label for leaf in node.leaf_iter()): [
            float(node.annotations.get_value(name)) for name in ("support", "age", "size")
        ]
        for node in tree.preorder_internal_node_iter()
    }
    assert found == wanted


def test_distances_are_the_librarys_for_every_pair(trees: list[Tree]):
    succeed("consensus", *PATHS, "--groups", 3, "--quartets", "-o", "out")
    table = pd.read_csv("out/distances.csv")
    pairs = list(itertools.combinations(range(5), 2))
    assert list(zip(table["first"], table["second"], strict=True)) == [(PATHS[i], PATHS[j]) for i, j in pairs]
    for row, (i, j) in zip(table.to_dict("records"), pairs, strict=True):
        apart = compare.robinson_foulds(trees[i], trees[j])
        assert row["robinson_foulds"] == apart.count
        assert row["robinson_foulds_normalised"] == pytest.approx(apart.normalised)
        assert row["triplet_distance"] == pytest.approx(
            compare.triplet_distance(trees[i], trees[j]).normalised
        )
        quartets = compare.quartet_distance(trees[i], trees[j]).normalised
        assert row["quartet_distance"] == pytest.approx(quartets)
        index = compare.adjusted_rand_index(trees[i], trees[j], groups=3)
        assert row["adjusted_rand_index"] == pytest.approx(index)
        assert row["samples"] == len(NAMES)
    with np.load("out/coclustering.npz") as held:
        names, share = compare.coclustering(trees, groups=3)
        assert held["names"].tolist() == names.tolist()
        np.testing.assert_array_equal(held["share"], share)


def test_the_reference_has_the_support_of_the_others_and_is_a_tree_like_any(trees: list[Tree]):
    said = json.loads(succeed("consensus", *PATHS, "--reference", 2, "--json", "-o", "out").stdout)
    marked = carving.load_tree("out")
    wanted = compare.support(trees[1], [trees[0], *trees[2:]])
    np.testing.assert_array_equal(marked.nodes.support, wanted.nodes.support)
    assert marked.leaves.name.tolist() == trees[1].leaves.name.tolist()
    assert said["reference"] == "t2"
    known = wanted.nodes.support[:-1][~np.isnan(wanted.nodes.support[:-1])]
    assert (said["reference_nodes"], said["reference_nodes_of_0.9"]) == (len(known), (known >= 0.9).sum())
    succeed("export", "out", "--format", "graphml", "-o", "out.graphml")
    succeed("consensus", *PATHS, "--support", "transfer", "-o", "nearly")
    wanted = compare.transfer_support(trees[0], trees[1:])
    np.testing.assert_array_equal(carving.load_tree("nearly").nodes.support, wanted.nodes.support)


def test_a_threshold_of_one_leaves_what_all_trees_have(trees: list[Tree]):
    said = json.loads(succeed("consensus", *PATHS, "--threshold", 1, "--json", "-o", "out").stdout)
    assert said["clades"] == sum(share == 1 for share in shares(trees).values()) - 1


def test_trees_of_other_samples_are_refused_by_name_or_compared_in_what_they_share(trees: list[Tree]):
    some_leaves(trees[0], NAMES[1:]).save("fewer")
    result = run("consensus", "t1", "fewer", "-o", "out")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        'Error: t1: 1 of its samples, such as "a\'b", are not in fewer; '
        "compare what they have in common with --common-leaves"
    ]
    # whichever comes first
    assert 't1: 1 of its samples, such as "a\'b"' in run("consensus", "fewer", "t1", "-o", "out").stderr
    assert not Path("out").exists()
    result = succeed("consensus", "t1", "fewer", "--common-leaves", "--json", "-o", "out")
    assert json.loads(result.stdout)["left_out"] == [1, 0]
    assert result.stderr.startswith("Warning: t1: 1 of its samples")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("t1",), 2, ("at least two",)),
        (("t1", "t2", "--reference", 3), 2, ("--reference", "1 to 2")),
        (("t1", "t2", "--threshold", 0.3), 2, ("--threshold",)),
        (("t1", "t2", "--age", 5, "--groups", 2), 2, ("--age", "--groups")),
        (("t1", "gone"), 1, ("gone", "does not exist")),
        (("t1", "t2", "--age", 10**9), 1, ("outside the ages",)),
        (("t1", "t2", "-o", "t1", "--force"), 1, ("t1", "consensus.nwk")),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(trees: list[Tree], arguments, code: int, words):
    output = () if "-o" in arguments else ("-o", "out")
    result = run("consensus", *arguments, *output)
    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    assert all(word in line for word in words)
    assert not Path("out").exists()


def test_an_existing_output_is_replaced_only_when_forced(trees: list[Tree]):
    succeed("consensus", "t1", "t2", "-o", "out")
    before = Path("out/consensus.nwk").read_bytes()
    assert "--force" in run("consensus", *PATHS, "-o", "out").stderr
    assert Path("out/consensus.nwk").read_bytes() == before
    succeed("consensus", *PATHS, "-o", "out", "--force")
    assert Path("out/consensus.nwk").read_bytes() != before


def test_what_is_interrupted_leaves_nothing(trees: list[Tree], monkeypatch: pytest.MonkeyPatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = sorted(Path(".").iterdir())
    for owner, name in ((compare, "distances"), (Tree, "save")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, stop)
            result = run("consensus", *PATHS, "-o", "out")
        assert result.exit_code == 130
        assert result.stderr.splitlines()[-1] == "Error: interrupted; nothing was written"
        assert sorted(Path(".").iterdir()) == before


def test_names_that_newick_cannot_hold_are_refused_with_the_place_asked_for(trees: list[Tree]):
    names = ["a\nb", *NAMES[1:]]
    tree = random_tree(len(NAMES), generator=np.random.default_rng(0), names=names)
    tree.save("bad")
    tree.save("worse")
    result = run("consensus", "bad", "worse", "-o", "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: out/consensus.nwk: name")
    assert not Path("out").exists()

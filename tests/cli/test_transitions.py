"""``carve transitions``: what it leaves is whole and agrees with itself, also when it is stopped."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import carving
from carving import RBM, physics
from tests.cli.workspace import run, succeed
from tests.physics.machines import curie_weiss

ALWAYS = ["spectrum.csv", "paramagnetic.csv", "cascade.svg", "cascade.png", "summary.txt", "summary.json"]
WITH_TREE = ["states.csv", "splits.csv", "tree.zarr"]
QUICK = ("--precision", "1e-2")
SAMPLING = ("--sampling", "--chains", 4, "--steps", 8)


SITES = 12
AGES = (3, 40, 1000)


@pytest.fixture
def small(here: Path) -> Path:
    """A store of {0, 1} machines that have one state in a field and then two, its samples and its tree."""
    draw = np.random.default_rng(0)
    samples = (np.arange(20)[:, None] % 2) ^ (draw.random((20, SITES)) < 0.05)
    run = carving.create_checkpoints(
        here / "small", hidden=carving.Gaussian(precision=SITES), samples=samples.astype(np.uint8)
    )
    with run:
        for age in AGES:
            spins = curie_weiss(SITES, (0.25 * math.log1p(age)) ** 2)
            field = torch.full((SITES,), 0.1, dtype=torch.float64)
            rbm = RBM(spins.weights, field, spins.hidden_bias, spins.visible, spins.hidden)
            run.append(rbm.convert(visible="bernoulli").to(torch.float32), updates=age)
    np.savez(here / "small.npz", samples=samples.astype(np.uint8))
    succeed("build-tree", "small", "-o", "small-tree")
    return here / "small"


def left(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_the_command_leaves_every_file_and_says_so(here: Path, small: Path):
    result = succeed("transitions", "small", "--tree", "small-tree", *QUICK, *SAMPLING, "--json", "-o", "out")
    said = json.loads(result.stdout)
    assert sorted(said["files"]) == left("out") == sorted([*ALWAYS, *WITH_TREE, "chains.csv"])
    assert said["output"] == "out"
    # the same as the tables and the file beside them
    stored = json.loads((here / "out/summary.json").read_text())
    assert stored == {key: value for key, value in said.items() if key not in ("output", "files")}
    splits = pd.read_csv("out/splits.csv")
    assert len(splits) == len(said["splits"]) > 0
    for row, split in zip(splits.to_dict("records"), said["splits"], strict=True):
        for name in ("node", "child", "other", "kind"):
            assert row[name] == split[name]
        assert row["age"] == pytest.approx(split["age"], rel=1e-6)
        assert row["uncertainty_of_log_age"] == pytest.approx(split["uncertainty_of_log_age"], rel=1e-6)
    spectrum = pd.read_csv("out/spectrum.csv")
    assert said["ages"] == spectrum["age"].nunique() == 3
    assert said["directions"] == spectrum["direction"].nunique()
    assert len(spectrum) == said["ages"] * said["directions"]
    threshold = 2 * math.sqrt(SITES)
    assert said["unbiased_threshold"] == pytest.approx(threshold)
    for number, age in enumerate(said["age_at_threshold"], start=1):
        values = spectrum[spectrum["direction"] == number]
        above = values["age"][values["singular_value"] >= threshold]
        if age is None:
            assert len(above) == 0
        else:
            assert age <= above.min()
            assert age >= values["age"][values["age"] < above.min()].max()
    # born where the tables say
    tree = carving.load_tree("out")
    births = dict(zip(tree.nodes.name, tree.nodes.birth_age, strict=True))
    for node, part in splits.groupby("node"):
        assert births[node] == pytest.approx(part["age"].min(), rel=1e-6)
    assert tree.leaves.name.tolist() == carving.load_tree("small-tree").leaves.name.tolist()
    chains = pd.read_csv("out/chains.csv")
    assert set(chains["age"]) == set(AGES)
    assert "all" in set(chains["state"])


@pytest.mark.slow
def test_a_tree_is_built_where_none_is_given(here: Path, small: Path):
    text = succeed("transitions", "small", *QUICK, "-o", "out").stdout
    assert "--sampling" in text
    assert "What next" in text
    for line in (here / "out/summary.txt").read_text().splitlines():
        assert line in text
    succeed("transitions", "small", "--tree", "small-tree", *QUICK, "-o", "given")
    for name in ("splits.csv", "states.csv", "summary.json"):
        assert (here / "out" / name).read_text() == (here / "given" / name).read_text()


def test_without_samples_there_are_only_the_weights(here: Path):
    said = json.loads(succeed("transitions", "bare", "--json", "-o", "out").stdout)
    assert left("out") == sorted(ALWAYS) == sorted(said["files"])
    assert "splits" not in said
    assert np.isnan(pd.read_csv("out/spectrum.csv")["data_variance"].to_numpy()).all()
    assert pd.read_csv("out/paramagnetic.csv")["age"].tolist() == [1, 10, 100]


def test_options_reach_the_library(here: Path):
    said = json.loads(
        succeed("transitions", "bare", "--directions", 1, "--order", 1, "--json", "-o", "x").stdout
    )
    assert (said["directions"], said["order"]) == (1, 1)
    expected = physics.paramagnetic_state_along_learning(carving.open_checkpoints("bare"), order=1).lost_age
    assert said["paramagnetic_state_lost_at"] == pytest.approx(expected)


@pytest.mark.slow
def test_samples_and_rows_may_come_from_a_file(here: Path, small: Path):
    succeed("transitions", "small", "--samples", "small.npz", "--rows", "3:9", *QUICK, "-o", "out")
    assert carving.load_tree("out").leaves.name.tolist() == [str(number) for number in range(3, 9)]


@pytest.mark.slow
def test_a_seed_repeats_the_chains(here: Path, small: Path):
    for output, seed in (("a", 1), ("b", 1), ("c", 2)):
        succeed(
            "transitions", "small", "--tree", "small-tree", *QUICK, *SAMPLING, "--seed", seed, "-o", output
        )
    first, again, other = ((here / name / "chains.csv").read_text() for name in "abc")
    assert first == again
    assert first != other


@pytest.mark.slow
def test_branches_can_be_as_long_as_the_located_ages_say(here: Path, small: Path):
    succeed("transitions", "small", "--tree", "small-tree", *QUICK, "-o", "out")
    succeed(
        "export", "out", "--format", "newick", "--branch-length", "birth-age", "--keep-unary", "-o", "x.nwk"
    )
    tree = carving.load_tree("out")
    named = {vertex.name: vertex for vertex in _newick(here / "x.nwk")}
    for node in range(len(tree.nodes) - 1):
        parent = int(tree.nodes.parent[node])
        born = [
            tree.nodes.age[i] if math.isnan(tree.nodes.birth_age[i]) else tree.nodes.birth_age[i]
            for i in (node, parent)
        ]
        expected = np.log1p(born[0]) - np.log1p(min(born))
        assert named[tree.nodes.name[node]].dist == pytest.approx(expected, abs=1e-6)


def _newick(path: Path):
    ete3 = pytest.importorskip("ete3")
    return ete3.Tree(path.read_text(), format=1).traverse()


def test_an_existing_output_is_replaced_only_when_forced(here: Path):
    succeed("transitions", "bare", "-o", "out")
    before = (here / "out/spectrum.csv").read_bytes()
    result = run("transitions", "bare", "--directions", 1, "-o", "out")
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert (here / "out/spectrum.csv").read_bytes() == before
    succeed("transitions", "bare", "--directions", 1, "-o", "out", "--force")
    assert pd.read_csv("out/spectrum.csv")["direction"].unique().tolist() == [1]


def test_what_is_interrupted_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = left(".")
    for name in ("transitions", "write_cascade"):
        with monkeypatch.context() as patch:
            patch.setattr(physics, name, stop)
            result = run("transitions", "bare", "-o", "out")
        assert result.exit_code == 130
        assert result.stderr.splitlines()[-1] == "Error: interrupted; nothing was written"
        assert left(".") == before

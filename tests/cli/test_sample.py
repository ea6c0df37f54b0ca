"""``carve sample``: what it writes is read again, and what it cannot use is refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import carving
from carving import RBM, create_checkpoints, read_samples
from carving_cli.commands import sample as sample_command
from tests.cli.workspace import AGES, SITES, run, samples_near_patterns, succeed

ALPHABET = "-ACD"


@pytest.fixture
def letters(here: Path) -> Path:
    """Checkpoints of sequences of six letters."""
    generator = torch.Generator().manual_seed(0)
    with create_checkpoints(here / "letters", visible="potts", alphabet=ALPHABET) as store:
        weights = torch.randn(6, 4, 5, generator=generator)
        for age, strength in AGES.items():
            rbm = RBM(strength * weights, torch.zeros(6, 4), torch.zeros(5), visible="potts")
            store.append(rbm, updates=age)
    return here / "letters"


@pytest.mark.parametrize("output", ["x.npy", "x.npz", "x.csv"])
def test_samples_are_read_again_as_they_were_drawn(here: Path, output: str):
    succeed("sample", "ck", "-n", 30, "--steps", 20, "--seed", 5, "-o", output)
    drawn = carving.sample(
        carving.open_checkpoints("ck"), 30, samples=samples_near_patterns(), steps=20, seed=5
    )
    read = read_samples(output)
    np.testing.assert_array_equal(read.values, drawn.values)
    assert read.names.tolist() == drawn.names.tolist()


@pytest.mark.parametrize("output", ["x.fasta", "x.fa", "X.FASTA", "x.npz"])
def test_sequences_are_written_in_the_letters_of_the_store(here: Path, letters: Path, output: str):
    succeed("sample", "letters", "-n", 30, "--steps", 20, "-o", output)
    drawn = carving.sample(carving.open_checkpoints("letters"), 30, steps=20)
    read = read_samples(output, alphabet=ALPHABET)
    np.testing.assert_array_equal(read.values, drawn.values)
    assert read.names.tolist() == drawn.names.tolist()


def test_what_is_drawn_can_be_carved(here: Path):
    succeed("sample", "ck", "-n", 10, "--steps", 5)
    succeed("build-tree", "ck", "--samples", "sampled.npz", "-o", "out")
    assert len(carving.load_tree("out").leaves) == 10


def test_an_archive_says_its_age(here: Path):
    succeed("sample", "ck", "-n", 2, "--steps", 1, "--age", 10)
    with np.load("sampled.npz") as archive:
        assert set(archive.files) == {"samples", "names", "age"}
        assert int(archive["age"]) == 10


def test_rows_to_start_from_come_from_the_store_or_a_file(here: Path):
    kept = samples_near_patterns()
    succeed("sample", "ck", "-n", 3, "--rows", "7:10", "--steps", 0, "-o", "kept.npy")
    succeed(
        "sample", "bare", "-n", 3, "--samples", "samples.npz", "--rows", "7:10", "--steps", 0, "-o", "x.npy"
    )
    for output in ("kept.npy", "x.npy"):
        assert sorted(map(bytes, np.load(output))) == sorted(map(bytes, kept[7:10]))


@pytest.mark.parametrize("start", ["data", "random", "tempering", "trajectory"])
def test_every_start_reaches_the_library(here: Path, start: str):
    printed = json.loads(
        succeed("sample", "ck", "-n", 20, "--start", start, "--steps", 10, "--json", "-o", "x.npy").stdout
    )
    assert printed == {
        "output": "x.npy", "age": 100, "samples": 20, "start": start, "steps": 10, "clamped": 0, "seed": 0
    }  # fmt: skip
    drawn = carving.sample(carving.open_checkpoints("ck"), 20, start=start, steps=10)
    np.testing.assert_array_equal(np.load("x.npy"), drawn.values)


def test_without_samples_chains_start_at_random(here: Path):
    assert "10 Gibbs steps from random" in succeed("sample", "bare", "-n", 5, "--steps", 10).stdout


def test_the_summary_says_how_often_rungs_swapped(here: Path):
    lines = succeed("sample", "ck", "-n", 5, "--steps", 10, "--start", "tempering").stdout.splitlines()
    assert lines[0] == ("sampled.npz: 5 samples of the machine at age 100, 10 Gibbs steps from tempering")
    assert "rungs, at least" in lines[1]


def test_clamped_sites_keep_their_values(here: Path, letters: Path):
    succeed("sample", "ck", "-n", 20, "--clamp", "3=1", "--clamp", "8=0", "--steps", 10, "-o", "x.npy")
    assert np.all(np.load("x.npy")[:, [3, 8]] == [1, 0])
    succeed("sample", "letters", "-n", 20, "--clamp", "2=C", "--clamp", "5=a", "--steps", 10, "-o", "x.fasta")
    sequences = (here / "x.fasta").read_text().splitlines()[1::2]
    assert {(sequence[2], sequence[5]) for sequence in sequences} == {("C", "A")}
    succeed("sample", "letters", "-n", 5, "--clamp", "0=-", "--steps", 3, "-o", "y.fasta")
    assert {line[0] for line in (here / "y.fasta").read_text().splitlines()[1::2]} == {"-"}


def test_seeds_repeat(here: Path):
    for seed, output in ((1, "a.npy"), (1, "b.npy"), (2, "c.npy")):
        succeed("sample", "ck", "-n", 20, "--steps", 10, "--seed", seed, "-o", output)
    first, again, other = (np.load(output) for output in ("a.npy", "b.npy", "c.npy"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("arithmetic", ["plain", "integer"])
def test_arithmetic_reaches_the_library(here: Path, arithmetic: str):
    succeed("sample", "ck", "-n", 20, "--steps", 10, "--arithmetic", arithmetic, "-o", "x.npy")
    drawn = carving.sample(carving.open_checkpoints("ck"), 20, steps=10, arithmetic=arithmetic)
    np.testing.assert_array_equal(np.load("x.npy"), drawn.values)


def test_force_replaces_an_output(here: Path):
    succeed("sample", "ck", "-n", 2, "--steps", 1)
    assert "--force" in run("sample", "ck", "-n", 3, "--steps", 1).stderr
    succeed("sample", "ck", "-n", 3, "--steps", 1, "--force")
    assert len(read_samples("sampled.npz")) == 3


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("ck",), ("-n",), 2),
        (("ck", "-n", "0"), ("-n", "0"), 2),
        (("ck", "-n", "3", "-o", "x.docx"), ("x.docx", ".npz", ".fasta"), 2),
        (("ck", "-n", "3", "-o", "x.fasta"), ("x.fasta", "ck", "alphabet", ".npz"), 1),
        (("ck", "-n", "3", "-o", "no/where.npy"), ("no/where.npy", "create"), 1),
        (("ck", "-n", "3", "--age", "7"), ("--age", "7", "10"), 2),
        (("ck", "-n", "3", "--start", "cold"), ("cold", "tempering"), 2),
        (("ck", "-n", "3", "--start", "random", "--samples", "samples.npz"), ("--samples", "random"), 2),
        (("ck", "-n", "3", "--start", "trajectory", "--age", "1"), ("trajectory", "tempering"), 1),
        (("bare", "-n", "3", "--start", "data"), ("bare", "--samples"), 1),
        (("bare", "-n", "3", "--rows", "0:3"), ("bare", "--samples"), 1),
        (("ck", "-n", "3", "--samples", "gone.npz"), ("gone.npz", "no such file"), 1),
        (("ck", "-n", "3", "--clamp", "3"), ("--clamp", "'3'", "SITE=VALUE"), 2),
        (("ck", "-n", "3", "--clamp", "3=A"), ("--clamp", "'A'", "bernoulli"), 2),
        (("ck", "-n", "3", "--clamp", "3=2"), ("clamp", "column 3", "2"), 1),
        (("ck", "-n", "3", "--clamp", f"{SITES}=1"), ("clamp", f"no site {SITES}"), 1),
        (("ck", "-n", "3", "--clamp", "3=1", "--clamp", "3=0"), ("--clamp", "site 3", "twice"), 2),
        (("letters", "-n", "3", "--clamp", "3=E"), ("--clamp", "'E'", ALPHABET), 2),
        (("letters", "-n", "3", "--clamp", "3=AC"), ("--clamp", "'AC'", ALPHABET), 2),
        (("tree", "-n", "3"), ("tree",), 1),
        (("gone", "-n", "3"), ("gone",), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_used_is_refused_in_one_line_and_writes_nothing(
    here: Path, letters: Path, arguments: tuple[str, ...], words: tuple[str, ...], code: int
):
    before = {path for path in here.rglob("*") if path.name != "writer.lock"}
    result = run("sample", *arguments)
    assert result.exit_code == code, result.output
    message = result.stderr.splitlines()[-1]
    assert message.startswith("Error: ")
    for word in words:
        assert word in message
    assert {path for path in here.rglob("*") if path.name != "writer.lock"} == before


@pytest.mark.parametrize("where", ["drawing", "writing"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_the_old_output(
    here: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: type[BaseException]
):
    def interrupted(*_: object, **__: object) -> None:
        raise error

    succeed("sample", "ck", "-n", 2, "--steps", 1)
    before = (here / "sampled.npz").read_bytes()
    everything = set(here.iterdir())
    if where == "writing":
        monkeypatch.setitem(sample_command._WRITERS, ".npz", interrupted)
    else:
        monkeypatch.setattr("carving.sampling.sample", interrupted)
    result = run("sample", "ck", "-n", 3, "--steps", 1, "--force")
    assert result.exit_code in (1, 130)
    assert (here / "sampled.npz").read_bytes() == before
    assert set(here.iterdir()) == everything


def test_help_says_where_chains_come_from():
    text = succeed("sample", "--help").stdout
    for word in ("--start [data|random|tempering|trajectory]", "--clamp SITE=VALUE", "Draw samples"):
        assert word in text

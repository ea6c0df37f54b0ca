"""``carve quality``: its numbers are those of enumeration, and what it cannot use is refused in one line."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from carving import RBM, create_checkpoints
from carving.data import sequence_weights
from carving.training.quality import AdversarialAccuracy
from carving_cli.commands.quality import _privacy, _reading
from tests.cli.workspace import machine, run, samples_near_patterns, succeed

FEW = ("--steps", 20, "--chains", 40)
SITES, UNITS = 8, 3


def small(seed: int) -> RBM:
    generator = torch.Generator().manual_seed(seed)
    return RBM(
        torch.randn(SITES, UNITS, generator=generator), torch.zeros(SITES), torch.ones(UNITS)
    )  # fmt: skip


def log_likelihoods(rbm: RBM) -> tuple[np.ndarray, np.ndarray]:
    """All rows of 0/1 and log p of each, by a sum over both layers in numpy."""
    w, a, b = (x.double().numpy() for x in (rbm.weights, rbm.visible_bias, rbm.hidden_bias))
    v, h = (np.array(list(itertools.product([0, 1], repeat=n))) for n in (SITES, UNITS))
    weight = np.exp((v @ a)[:, None] + h @ b + v @ w @ h.T).sum(1)
    return v, np.log(weight / weight.sum())


def drawn(rbm: RBM, count: int, seed: int) -> np.ndarray:
    """Independent samples of a small machine."""
    rows, log_probability = log_likelihoods(rbm)
    chosen = np.random.default_rng(seed).choice(len(rows), count, p=np.exp(log_probability))
    return rows[chosen].astype(np.uint8)


def mean_log_likelihood(rbm: RBM, samples: np.ndarray, weights: np.ndarray | None = None) -> float:
    number = samples @ (2 ** np.arange(SITES)[::-1])
    return float(np.average(log_likelihoods(rbm)[1][number], weights=weights))


@pytest.fixture
def known(here: Path) -> RBM:
    """A store whose machine is the very one that drew its samples; test.npz are others of it."""
    rbm = small(0)
    for name, rule in (("true", "none"), ("weighted", "identity:0.8"), ("given", "given, sha256 0")):
        training = {"weights": rule}
        with create_checkpoints(here / name, samples=drawn(rbm, 600, 1), training=training) as store:
            store.append(small(1), updates=5)
            store.append(rbm, updates=50)
    np.savez(here / "test.npz", samples=drawn(rbm, 600, 2))
    return rbm


def measured(*arguments: object) -> dict[str, Any]:
    return json.loads(succeed("quality", *arguments, "--json").stdout)


def test_likelihoods_are_those_of_enumeration(here: Path, known: RBM):
    found = measured("true", "--test", "test.npz", *FEW)
    for key, seed in (("log_likelihood", 1), ("test_log_likelihood", 2)):
        expected = mean_log_likelihood(known, drawn(known, 600, seed))
        assert found[key]["value"] == pytest.approx(expected, abs=1e-5)
        assert found[key]["low"] == found[key]["high"] == found[key]["value"]
    assert found["log_partition"]["exact"] is True


def test_pseudo_likelihood_is_that_of_enumeration(here: Path, known: RBM):
    _, log_probability = log_likelihoods(known)
    table = np.exp(log_probability).reshape([2] * SITES)
    conditional = [np.log(table / table.sum(site, keepdims=True)) for site in range(SITES)]
    samples = drawn(known, 600, 1)
    expected = np.mean([log[tuple(row)] for row in samples for log in conditional])
    assert measured("true", *FEW)["pseudo_log_likelihood"]["per_site"] == pytest.approx(expected, abs=1e-5)


def test_a_machine_agrees_with_its_own_samples(here: Path, known: RBM):
    found = measured("true", "--steps", 100, "--start", "random", "--chains", 600, "--test", "test.npz")
    for order in ("mean", "pair"):
        moments = found["moments"][order]
        assert moments["error"] < 1.6 * moments["error_floor"]
    assert found["spectrum"]["reproduced"] > 0.85
    assert found["adversarial"]["reading"] == "chains look like the data"
    assert abs(found["adversarial"]["privacy_loss"]) < 0.1
    assert found["autocorrelation"]["is_lower_bound"] is False


def test_another_machine_does_not(here: Path, known: RBM):
    found = measured("true", "--age", 5, "--steps", 100, "--start", "random", "--chains", 600)
    assert found["age"] == 5
    assert found["moments"]["mean"]["error"] > 5 * found["moments"]["mean"]["error_floor"]
    expected = mean_log_likelihood(small(1), drawn(known, 600, 1))
    assert found["log_likelihood"]["value"] == pytest.approx(expected, abs=1e-5)


def test_large_machines_are_estimated_with_an_interval(here: Path):
    # more units than are enumerated, and at no weight: then log Z = 24 units + 24 sites of two values each
    with create_checkpoints(here / "large", samples=samples_near_patterns()) as store:
        store.append(machine(0.0), updates=1)
    found = measured("large", "--steps", 20, "--temperatures", 10)
    assert found["log_partition"]["exact"] is False
    assert found["log_likelihood"]["value"] == pytest.approx(-24 * np.log(2), abs=1e-3)
    text = succeed("quality", "ck", *FEW, "--temperatures", 50).stdout
    assert "95 % interval" in text


def test_weights_of_the_training_are_used(here: Path, known: RBM):
    samples = drawn(known, 600, 1)
    weights = sequence_weights(samples, identity=0.8)
    found = measured("weighted", *FEW)
    assert found["effective_samples"] == pytest.approx(weights.sum())
    expected = mean_log_likelihood(known, samples, weights)
    assert found["log_likelihood"]["value"] == pytest.approx(expected, abs=1e-5)
    assert abs(expected - mean_log_likelihood(known, samples)) > 0.01


def test_weights_that_the_store_does_not_hold_are_warned_of(here: Path, known: RBM):
    result = succeed("quality", "given", *FEW)
    assert "Warning: given: samples were weighted" in result.stderr
    assert "effective_samples" not in measured("true", *FEW)


def test_chains_that_start_from_weighted_samples_are_as_many_as_these_count(here: Path):
    """Two states that no chain leaves: 97 copies in one, three different samples in the other."""
    samples = np.zeros((100, 40), dtype=np.uint8)
    samples[97:, :20] = 1
    samples[range(97, 100), range(20, 23)] = 1
    weights = np.repeat([[8.0], [0.0]], 20, axis=0)
    strong = RBM(weights, np.repeat([-4.0, -3.0], 20), np.array([-80.0]))
    with create_checkpoints(here / "two", samples=samples, training={"weights": "identity:1"}) as store:
        store.append(strong, updates=1)
    found = measured("two", "--steps", 5, "--chains", 400)
    assert found["effective_samples"] == pytest.approx(4)
    # 3 of 4 effective samples are in the second state, but 3 of 100 samples; the states are √20 apart
    assert found["spectrum"]["chain_variance"][0] / 20 == pytest.approx(3 / 4 / 4, rel=0.2)


@pytest.mark.parametrize("start", ["data", "random", "tempering", "trajectory"])
def test_every_start_is_understood(here: Path, start: str):
    found = measured("ck", *FEW, "--start", start, "--temperatures", 5)
    assert (found["start"], found["chains"], found["age"]) == (start, 40, 100)


def test_samples_and_rows_may_come_from_a_file(here: Path):
    found = measured("bare", "--samples", "samples.npz", "--rows", "0:20", *FEW, "--temperatures", 5)
    assert found["samples"] == 20


def test_sequences_are_understood(here: Path):
    letters = "-ACD"
    samples = np.random.default_rng(0).integers(0, 4, (30, 6)).astype(np.uint8)
    with create_checkpoints(here / "letters", visible="potts", alphabet=letters, samples=samples) as store:
        store.append(RBM(np.zeros((6, 4, 2)), np.zeros((6, 4)), np.zeros(2), visible="potts"), updates=1)
    (here / "test.fasta").write_text(">a\n-ACDAC\n>b\nCCCCAA\n")
    found = measured("letters", *FEW, "--test", "test.fasta")
    assert found["test"] == 2
    for key in ("log_likelihood", "test_log_likelihood"):
        assert found[key]["value"] == pytest.approx(-6 * np.log(4), abs=1e-5)
    assert found["pseudo_log_likelihood"]["per_site"] == pytest.approx(-np.log(4), abs=1e-6)


def test_the_text_says_the_same_as_json(here: Path, known: RBM):
    arguments = ("true", *FEW, "--test", "test.npz")
    found, text = measured(*arguments), succeed("quality", *arguments).stdout
    assert text.startswith("true: the machine at age 50; 600 samples, 40 chains, 20 Gibbs steps from data\n")
    for number in (
        f"{found['log_likelihood']['value']:.3f} nats, exact",
        f"{found['test_log_likelihood']['value']:.3f} nats, exact",
        f"{found['pseudo_log_likelihood']['per_site']:.4f} ±",
        f"differ by {found['moments']['pair']['error']:.4f}",
        f"truth          {found['adversarial']['truth']:.3f}",
        f"synthetic      {found['adversarial']['synthetic']:.3f}",
        f"privacy loss   {found['adversarial']['privacy_loss']:+.3f}",
    ):
        assert number in text


def test_chains_that_are_too_short_give_a_lower_bound(here: Path):
    found = measured("ck", *FEW, "--temperatures", 5)
    assert found["autocorrelation"]["is_lower_bound"] is True
    text = succeed("quality", "ck", *FEW, "--temperatures", 5).stdout
    assert "a lower bound" in text


def test_seeds_repeat(here: Path, known: RBM):
    first, again, other = (measured("true", *FEW, "--seed", seed) for seed in (1, 1, 2))
    assert first == again
    assert first["moments"] != other["moments"]


def accuracy(truth: float, synthetic: float, test: AdversarialAccuracy | None = None) -> AdversarialAccuracy:
    return AdversarialAccuracy(truth, synthetic, 0.01, 0.01, 0.01, 1000, test)


@pytest.mark.parametrize(
    ("truth", "synthetic", "words"),
    [
        (0.5, 0.5, "look like the data"),
        (0.53, 0.51, "look like the data"),
        (0.0, 0.0, "copy"),
        (0.3, 0.4, "copy"),
        (1.0, 1.0, "do not look like"),
        (0.65, 0.6, "not quite"),
        (0.2, 0.8, "crowd"),
        (0.8, 0.2, "scattered"),
    ],
)
def test_accuracies_are_read_in_words(truth: float, synthetic: float, words: str):
    assert words in _reading(accuracy(truth, synthetic))


def test_privacy_is_lost_where_the_test_set_is_further_away():
    assert "nearer to the samples" in _privacy(accuracy(0.3, 0.3, accuracy(0.5, 0.5)))
    assert "as near" in _privacy(accuracy(0.5, 0.5, accuracy(0.52, 0.5)))


def alike(here: Path) -> None:
    np.save(here / "alike.npy", np.ones((5, 24), dtype=np.uint8))
    np.save(here / "narrow.npy", np.eye(5, dtype=np.uint8))


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("bare",), ("bare", "--samples"), 1),
        (("tree",), ("tree",), 1),
        (("gone",), ("gone",), 1),
        (("ck", "--age", "7"), ("--age", "7", "10"), 2),
        (("ck", "--start", "cold"), ("cold", "tempering"), 2),
        (("ck", "--start", "trajectory", "--age", "1"), ("ck", "younger than 1", "tempering"), 1),
        (("ck", "--chains", "5"), ("--chains", "20"), 2),
        (("ck", "--temperatures", "0"), ("--temperatures",), 2),
        (("ck", "--steps", "1"), ("--steps",), 2),
        (("ck", "--samples", "gone.npz"), ("gone.npz", "no such file"), 1),
        (("ck", "--test", "gone.npz"), ("gone.npz", "no such file"), 1),
        (("ck", "--test", "narrow.npy"), ("narrow.npy", "24"), 1),
        (("ck", "--samples", "alike.npy"), ("alike.npy", "alike"), 1),
        (("ck", "--rows", "3:4"), ("ck", "1 rows", "alike"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_used_is_refused_in_one_line_before_any_work(
    here: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: tuple[str, ...], code: int
):
    def working(*_: object, **__: object) -> None:
        raise AssertionError("work began")

    alike(here)
    monkeypatch.setattr("carving.sampling.sample", working)
    result = run("quality", *arguments)
    assert result.exit_code == code, result.output
    message = result.stderr.splitlines()[-1]
    assert message.startswith("Error: ")
    for word in words:
        assert word in message


def test_an_interruption_says_so(here: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("carving.training.quality.quality_report", interrupted)
    result = run("quality", "ck", *FEW)
    assert result.exit_code == 130
    assert "nothing was measured" in result.stderr.splitlines()[-1]


def test_verbose_tells_what_is_done(here: Path):
    stages = [line.split(":")[0] for line in succeed("quality", "ck", *FEW, "-v").stderr.splitlines()]
    assert stages == ["sampling", "measuring"]

import numpy as np
import pytest
import torch

import carving
from carving.data import Samples
from carving.errors import CarvingError, InvalidInput, MissingFile, OutputExists
from carving.training._settings import default_learning_rate
from carving.units import resolve_unit
from tests.training.machines import configurations, minus_free_energy

FEW = {"hidden": 4, "updates": 20, "k": 1, "chains": 10, "batch_size": 8, "save": "linear:4"}


def table(rows=30, sites=6, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (rows, sites)).astype(np.uint8)


# ---- what it learns


def correlated_codes(states, seed):
    """2,000 rows of three sites whose neighbours mostly agree."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, states, (2000, 3))
    for site in (1, 2):
        agrees = generator.random(2000) < 0.6
        codes[agrees, site] = codes[agrees, site - 1]
    return codes.astype(np.uint8)


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    ("kind", "hidden"),
    [
        ("bernoulli", "bernoulli"),
        ("spin", "spin"),
        ("potts", "gaussian"),
        ("bernoulli", "gaussian"),
        ("spin", "bernoulli"),
        ("potts", "spin"),
    ],
)
def test_the_learned_distribution_has_the_moments_of_the_data(tmp_path, kind, hidden):
    codes = correlated_codes(3 if kind == "potts" else 2, seed=1)
    samples = 2 * codes.astype(np.int8) - 1 if kind == "spin" else codes
    visible, hidden_unit = carving.Potts(3) if kind == "potts" else resolve_unit(kind), resolve_unit(hidden)
    run = carving.train(
        samples,
        tmp_path / "run",
        visible=visible,
        hidden_unit=hidden_unit,
        hidden=6,
        updates=2000,
        k=1,
        chains=2000,
        batch_size=2000,
        learning_rate=4 * default_learning_rate(visible, hidden_unit),
        save="linear:12",
    )
    every = configurations(visible, 3)
    # parameters wander a little around the best ones, as the chains' noise drives them
    learned = [distribution(machine.to(dtype=torch.float64), every) for machine in list(run)[6:]]
    probability = torch.stack(learned).mean(0)
    data = visible.encode(samples, torch.float64).flatten(1)
    scale = visible.distance_scale
    assert scale * (probability @ every - data.mean(0)).abs().max() < 0.025
    assert scale**2 * ((every.T * probability) @ every - data.T @ data / len(data)).abs().max() < 0.025


def distribution(machine, every):
    weights, a = machine.weights.flatten(0, -2), machine.visible_bias.flatten()
    return torch.softmax(minus_free_energy(every, weights, a, machine.hidden_bias, machine.hidden), 0)


def test_a_spin_machine_learns_what_its_zero_one_twin_learns(tmp_path):
    samples = table(200, 20)
    options = {"hidden": 10, "updates": 10, "chains": 50, "batch_size": 50, "save": "linear:2", "seed": 3}
    run = carving.train(samples, tmp_path / "a", **options)
    twin = carving.train(2 * samples.astype(np.int8) - 1, tmp_path / "b", hidden_unit="spin", **options)
    converted = run[-1].convert(visible="spin", hidden="spin")
    assert torch.allclose(converted.weights, twin[-1].weights, atol=1e-5)
    assert torch.allclose(converted.visible_bias, twin[-1].visible_bias, atol=1e-5)
    assert torch.allclose(converted.hidden_bias, twin[-1].hidden_bias, atol=1e-5)


def test_the_first_machine_has_the_frequencies_of_the_data_and_hidden_units_without_field(tmp_path):
    samples = (np.random.default_rng(0).random((5000, 4)) < (0.1, 0.4, 0.6, 0.95)).astype(np.uint8)
    run = carving.train(samples, tmp_path / "run", **{**FEW, "updates": 1, "learning_rate": 1e-9})
    machine = run[0]
    mean, middle = torch.tensor(samples.mean(0)).float(), torch.full((1, 4), 0.5)
    assert torch.allclose(machine.visible_mean(middle)[0], mean, atol=1e-3)
    assert torch.allclose(machine.hidden_mean(mean[None]), middle, atol=1e-3)


def test_hidden_gaussian_precision_is_kept(tmp_path):
    run = carving.train(table(), tmp_path / "run", hidden_unit=carving.Gaussian(precision=3.0), **FEW)
    assert run.hidden == carving.Gaussian(precision=3.0)


# ---- what is kept


def test_the_same_seed_gives_the_same_bits(tmp_path):
    runs = [carving.train(table(), tmp_path / name, seed=5, **FEW) for name in "ab"]
    assert runs[0].fingerprint == runs[1].fingerprint


def test_another_seed_gives_another_machine(tmp_path):
    runs = [carving.train(table(), tmp_path / str(seed), seed=seed, **FEW) for seed in (5, 6)]
    assert runs[0].fingerprint != runs[1].fingerprint


def test_nothing_outside_the_training_changes(tmp_path):
    before = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    carving.train(table(), tmp_path / "run", **FEW)
    after = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_every_setting_is_in_the_store(tmp_path):
    run = carving.train(table(), tmp_path / "run", seed=7, **FEW)
    for name, value in {
        **FEW,
        "seed": 7,
        "method": "pcd",
        "learning_rate": 0.05,
        "weight_scale": 0.01,
    }.items():
        assert run.training[name] == value


def test_numbers_of_numpy_are_as_good_as_any(tmp_path):
    options: dict = {
        **{name: np.int64(FEW[name]) for name in ("hidden", "updates", "k", "chains", "batch_size")},
        **{name: np.float32(0.5) for name in ("learning_rate", "momentum", "l1", "l2")},
        "beta": np.float32(1),
        "seed": np.uint8(3),
        "save": "linear:4",
    }
    run = carving.train(table(), tmp_path / "run", **options)
    assert run.training["hidden"] == 4
    assert run.training["momentum"] == 0.5


def test_the_ages_are_those_of_the_schedule(tmp_path):
    run = carving.train(table(), tmp_path / "run", **FEW)
    assert run.ages.tolist() == carving.training.save_ages("linear:4", 20)


def test_samples_names_and_alphabet_are_kept(tmp_path):
    values = np.random.default_rng(0).integers(0, 3, (30, 5)).astype(np.uint8)
    names = np.array([f"row {k}" for k in range(30)], dtype=object)
    run = carving.train(Samples(values, names, alphabet="-AC"), tmp_path / "run", **FEW)
    assert run.samples is not None
    assert np.array_equal(run.samples, values)
    assert run.names is not None
    assert run.names.tolist() == names.tolist()
    assert (run.alphabet, run.visible) == ("-AC", carving.Potts(3))


def test_samples_are_not_kept_when_told_so(tmp_path):
    assert carving.train(table(), tmp_path / "run", keep_samples=False, **FEW).samples is None


def test_metrics_are_measured_at_every_checkpoint(tmp_path):
    run = carving.train(table(), tmp_path / "run", **FEW)
    assert run.metrics
    for name, values in run.metrics.items():
        assert len(values) == len(run)
        # too little is seen of the chains in twenty updates
        assert np.isfinite(values).all() or name == "relaxation_steps"


@pytest.mark.slow
def test_chains_that_do_not_forget_are_warned_of_once_and_others_not(tmp_path):
    # two states, all sites alike: no Gibbs step leads from one to the other once they are learned
    samples = np.repeat([[0], [1]], 100, 0).repeat(30, 1).astype(np.uint8)
    warnings = []
    options = {"hidden": 5, "k": 1, "chains": 50, "batch_size": 200, "updates": 1500, "save": "linear:6"}
    run = carving.train(samples, tmp_path / "two", warn=warnings.append, **options)
    assert len(warnings) == 1
    assert "tempering or trajectory" in warnings[0]
    assert run.metrics["relaxation_is_bound"][-1] == 1
    noise = np.random.default_rng(0).integers(0, 2, (200, 30)).astype(np.uint8)
    run = carving.train(noise, tmp_path / "noise", warn=warnings.append, **options)
    assert len(warnings) == 1
    assert run.metrics["relaxation_steps"][-1] < 10


def test_the_store_can_be_written_to_again_when_training_has_ended(tmp_path):
    carving.train(table(), tmp_path / "run", **FEW)
    assert not carving.open_checkpoints(tmp_path / "run").being_written


def test_progress_tells_of_every_checkpoint_up_to_the_last(tmp_path):
    reports = []
    run = carving.train(table(), tmp_path / "run", progress=reports.append, **FEW)
    assert {report.total for report in reports} == {20}
    assert set(run.ages.tolist()) <= {report.done for report in reports}
    assert reports[-1].done == 20


def test_one_sample_and_one_update_are_enough(tmp_path):
    run = carving.train(table(rows=1), tmp_path / "run", updates=1)
    assert run.ages.tolist() == [1]


# ---- which unit


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("samples", "options", "unit"),
    [
        (table(), {}, carving.Bernoulli()),
        (table().astype(bool), {}, carving.Bernoulli()),
        (table().astype(np.float32), {}, carving.Bernoulli()),
        (torch.from_numpy(table()), {}, carving.Bernoulli()),
        (np.ones((5, 3)), {}, carving.Bernoulli()),
        (table()[::-1, ::2], {}, carving.Bernoulli()),
        (np.broadcast_to(table()[:1], (9, 6)), {}, carving.Bernoulli()),
        (table().astype(">i4"), {}, carving.Bernoulli()),
        (2 * table().astype(np.int8) - 1, {}, carving.Spin()),
        (table(), {"alphabet": "-ACGT"}, carving.Potts(5)),
        (table(), {"visible": "potts", "alphabet": "AC"}, carving.Potts(2)),
        (table(), {"visible": carving.Potts(4)}, carving.Potts(4)),
        (3 * table(), {"visible": "potts"}, carving.Potts(4)),
        (np.eye(3)[table()], {}, carving.Potts(3)),
    ],
)
def test_the_visible_unit_is_that_of_the_samples(tmp_path, samples, options, unit):
    assert carving.train(samples, tmp_path / "run", **FEW, **options).visible == unit


def test_the_default_step_depends_on_the_units_alone(tmp_path):
    spins = 2 * table().astype(np.int8) - 1
    run = carving.train(spins, tmp_path / "run", hidden_unit="spin", **FEW)
    assert run.training["learning_rate"] == 0.05 / 16


@pytest.mark.parametrize(
    ("largest", "message"), [(0, "0 is the largest code"), (999, "row 2, column 1: 999")]
)
def test_codes_must_be_of_some_states_but_not_too_many(tmp_path, largest, message):
    samples = np.zeros((5, 3), dtype=np.int64)
    samples[2, 1] = largest
    with pytest.raises(InvalidInput, match=message):
        carving.train(samples, tmp_path / "run", visible="potts", **FEW)


def test_layers_too_large_for_integers_are_drawn_plainly(tmp_path, monkeypatch):
    monkeypatch.setattr("carving.sampling.steps.integer._MOST_UNITS", 5)
    assert carving.train(table(sites=6), tmp_path / "run", **FEW).training["arithmetic"] == "plain"
    with pytest.raises(InvalidInput, match="arithmetic: integer cannot draw 6 bernoulli"):
        carving.train(table(sites=6), tmp_path / "other", arithmetic="integer", **FEW)


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 0}, "hidden: 0"),
        ({"updates": 0}, "updates: 0"),
        ({"updates": 2.5}, "updates: 2.5"),
        ({"updates": True}, "updates: True"),
        ({"k": 0}, "k: 0"),
        ({"chains": -1}, "chains: -1"),
        ({"batch_size": 0}, "batch_size: 0"),
        ({"learning_rate": 0}, "learning_rate: 0"),
        ({"learning_rate": float("nan")}, "learning_rate: nan"),
        ({"learning_rate": "fast"}, "learning_rate: 'fast'"),
        ({"weight_scale": -1.0}, "weight_scale: -1"),
        ({"weight_scale": 1e39}, "weight_scale: 1e.39"),
        ({"alphabet": 5}, "alphabet: 5"),
        ({"seed": -1}, "seed: -1"),
        ({"seed": 2**32}, "seed: 4294967296"),
        ({"seed": "x"}, "seed: 'x'"),
        ({"method": "adam"}, "method: 'adam'.*pcd"),
        ({"method": "pcd:rungs=3"}, "method: pcd has no setting 'rungs=3'"),
        ({"rate": "fast"}, "rate: 'fast' is not a schedule; give constant"),
        ({"rate": "exponential"}, "rate: 'exponential': give exponential:N"),
        ({"rate": 0.5}, "rate: 0.5 is not a schedule; give"),
        ({"optimiser": "lion"}, "optimiser: 'lion' is not known; give one of adam, sgd"),
        ({"optimiser": None}, "optimiser: None is not known; give one of"),
        ({"optimiser": ["sgd"]}, "optimiser: .'sgd'. is not known; give one of"),
        ({"momentum": 1}, "momentum: 1 is no number from 0 to below 1; give one, such as 0.9"),
        ({"momentum": -0.1}, "momentum: -0.1 is no number"),
        ({"momentum": float("nan")}, "momentum: nan is no number"),
        ({"momentum": "much"}, "momentum: 'much' is no number"),
        ({"l1": -0.1}, "l1: -0.1 is no number from 0 up; give one, such as 0.001"),
        ({"l1": float("inf")}, "l1: inf is no number"),
        ({"l2": "some"}, "l2: 'some' is no number from 0 up; give"),
        ({"l2": float("nan")}, "l2: nan is no number"),
        ({"l2": True}, "l2: True is no number"),
        ({"beta": 0}, "beta: 0 is not a positive number; give"),
        ({"beta": -1.0}, "beta: -1.0 is not a positive number"),
        ({"beta": float("inf")}, "beta: inf is not a positive number"),
        ({"beta": "cold"}, "beta: 'cold' is not a positive number"),
        ({"beta": 1e-30}, "beta: 1e-30 leaves parameters that single precision does not hold; give"),
        ({"beta": 1e30}, "beta: 1e.30 leaves parameters"),
        ({"weights": np.ones(3)}, "weights: of shape .3,. for 30 samples; give one number a sample"),
        ({"weights": np.zeros(30)}, "weights: row 0: 0 is no weight; give positive numbers"),
        ({"weights": "identity:2"}, "weights: 'identity:2' is not known; give .identity:0.8"),
        ({"weights": "heavy"}, "weights: 'heavy' is not known"),
        ({"arithmetic": "exact"}, "arithmetic: 'exact' is not known; give auto or one of integer, plain"),
        ({"arithmetic": None}, "arithmetic: None is not known"),
        ({"arithmetic": "integer", "hidden_unit": "gaussian"}, "arithmetic: integer cannot draw .*give auto"),
        ({"memory": 0}, "memory: 0 is no number of bytes; give"),
        ({"memory": "1GB"}, "memory: '1GB' is no number of bytes; give"),
        ({"memory": 50, "weights": "identity:0.8"}, "samples: weights by identity need all samples in mem"),
        ({"save": "sometimes"}, "save: 'sometimes'.*exponential:N, linear:N"),
        ({"device": "tpu:9"}, "device: 'tpu:9'.*cpu"),
        ({"visible": "gaussian"}, "visible: gaussian"),
        ({"visible": "spin"}, "row 0, column .*0/1 data use bernoulli"),
        ({"visible": "ising"}, "unit 'ising' is not known"),
        ({"hidden_unit": "potts"}, "hidden_unit|potts"),
        ({"visible": carving.Potts(3), "alphabet": "ACGT"}, "alphabet: of 4 states.* has 3"),
        ({"alphabet": "A"}, "potts units: 1 state"),
        ({"names": ["a", "b"]}, "names: 2 for 30 samples"),
        ({"resume": True, "force": True}, "resume and force"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_nothing_is_written(tmp_path, options, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        carving.train(table(), tmp_path / "run", **{**FEW, **options})
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((0, 5)), "samples: have shape .0, 5."),
        (np.zeros(5), "samples: have shape .5,."),
        (np.full((3, 2), 7), "samples: row 0, column 0: 7 is neither of 0/1 nor of ±1"),
        (np.array([[0.0, 1.0], [1.0, np.nan]]), "samples: row 1, column 1: nan"),
        (np.array([[0.0, 0.5]]), "samples: row 0, column 1: 0.5"),
        (np.array([[-1, 0, 1]]), "samples: row 0, column"),
        (np.array([["a", "b"]]), "samples: are <U1, not numbers"),
        (np.array([[1, None]], dtype=object), "samples: are object, not numbers"),
    ],
)
def test_samples_that_cannot_be_used_are_refused_by_their_place(tmp_path, samples, message):
    with pytest.raises(InvalidInput, match=message):
        carving.train(samples, tmp_path / "run", **FEW)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_not_overwritten(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(OutputExists):
        carving.train(table(), tmp_path / "run", **FEW)


def test_an_existing_output_is_replaced_when_asked_for(tmp_path):
    carving.train(table(), tmp_path / "run", **FEW)
    run = carving.train(table(), tmp_path / "run", force=True, **{**FEW, "seed": 1})
    assert run.training["seed"] == 1


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(MissingFile):
        carving.train(table(), tmp_path / "run", resume=True, **FEW)


@pytest.mark.parametrize("rate", [1e30, 3e5])
def test_a_training_that_diverges_says_what_to_do_and_keeps_what_was_before(tmp_path, rate):
    options = {**FEW, "learning_rate": rate, "hidden_unit": "gaussian", "save": "linear:20"}
    with pytest.raises(CarvingError, match=r"run: training diverged near update .*lower the learning rate"):
        carving.train(table(), tmp_path / "run", **options)
    for machine in carving.open_checkpoints(tmp_path / "run"):
        assert bool(torch.isfinite(machine.weights).all())

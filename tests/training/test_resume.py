import json

import numpy as np
import pytest

import carving
from carving.checkpoints import CheckpointSequence
from carving.errors import InvalidInput

OPTIONS = {
    "hidden": 5,
    "updates": 60,
    "k": 2,
    "chains": 20,
    "batch_size": 16,
    "save": "exponential:8",
    "seed": 4,
}


def table(kind="bernoulli", rows=50):
    values = np.random.default_rng(0).integers(0, 3 if kind == "potts" else 2, (rows, 7)).astype(np.uint8)
    return 2 * values.astype(np.int8) - 1 if kind == "spin" else values


def content(run):
    """All of a store that a training decides, as bytes."""
    parts = {
        f"{name} {age}": getattr(run.at_age(age), name).numpy().tobytes()
        for age in run.ages.tolist()
        for name in ("weights", "visible_bias", "hidden_bias")
    }
    parts |= {f"metric {name}": values.tobytes() for name, values in run.metrics.items()}
    parts |= {f"resume {name}": values.tobytes() for name, values in run.resume_state().items()}
    return {**parts, "ages": run.ages.tobytes(), "training": json.dumps(run.training, sort_keys=True)}


class Interrupted(Exception):
    pass


def train_until(samples, path, age, **options):
    """Train and be interrupted right after the first report at ``age`` or later."""

    def stop(report):
        if report.done >= age:
            raise Interrupted

    with pytest.raises(Interrupted):
        carving.train(samples, path, progress=stop, **options)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("kind", "hidden_unit"),
    [
        ("bernoulli", "bernoulli"),
        ("potts", "gaussian"),
        pytest.param("bernoulli", "gaussian", marks=pytest.mark.slow),
        pytest.param("spin", "bernoulli", marks=pytest.mark.slow),
        pytest.param("spin", "gaussian", marks=pytest.mark.slow),
        pytest.param("potts", "bernoulli", marks=pytest.mark.slow),
    ],
)
def test_interrupted_at_any_checkpoint_and_resumed_it_ends_in_the_same_bits(tmp_path, kind, hidden_unit):
    options = {
        **OPTIONS,
        "hidden_unit": hidden_unit,
        "visible": carving.Potts(3) if kind == "potts" else kind,
    }
    samples = table(kind)
    whole = carving.train(samples, tmp_path / "whole", **options)
    for age in whole.ages[[0, 3, -2]].tolist():
        train_until(samples, tmp_path / f"run {age}", age, **options)
        resumed = carving.train(samples, tmp_path / f"run {age}", resume=True, **options)
        assert content(resumed) == content(whole)


@pytest.mark.slow
@pytest.mark.parametrize("save", ["acceptance:0.6", "adaptive:9"])
def test_rules_that_look_at_the_machine_go_on_to_the_same_checkpoints(tmp_path, save):
    halves = np.arange(14) < 7
    samples = np.repeat(np.stack([halves, ~halves, np.arange(14) % 2 == 0]), 20, 0)
    options = {**OPTIONS, "save": save, "learning_rate": 1.0, "updates": 300}
    whole = carving.train(samples, tmp_path / "whole", **options)
    assert len(whole) > 6
    # of adaptive's, one is saved only after a later one was looked at
    for age in whole.ages[1:-1][:4].tolist():
        train_until(samples, tmp_path / f"run {age}", age, **options)
        resumed = carving.train(samples, tmp_path / f"run {age}", resume=True, **options)
        assert content(resumed) == content(whole)


def test_told_to_stop_it_saves_and_goes_on_to_the_same_machines(tmp_path):
    whole = carving.train(table(), tmp_path / "whole", **OPTIONS)
    asked = iter(range(1000))
    stopped = carving.train(table(), tmp_path / "run", stop=lambda: next(asked) == 40, **OPTIONS)
    assert stopped.ages[-1] == 41
    resumed = carving.train(table(), tmp_path / "run", resume=True, **OPTIONS)
    assert resumed.ages.tolist() == sorted([*whole.ages.tolist(), 41])
    for age in whole.ages.tolist():
        assert resumed.at_age(age).weights.equal(whole.at_age(age).weights)


def test_resumed_again_and_again_it_ends_in_the_same_bits(tmp_path):
    whole = carving.train(table(), tmp_path / "whole", **OPTIONS)
    train_until(table(), tmp_path / "run", 1, **OPTIONS)
    for age in whole.ages[1:-1].tolist():
        train_until(table(), tmp_path / "run", age, resume=True, **OPTIONS)
    assert content(carving.train(table(), tmp_path / "run", resume=True, **OPTIONS)) == content(whole)


def test_stopped_in_the_middle_of_writing_a_checkpoint_it_ends_in_the_same_bits(tmp_path, monkeypatch):
    whole = carving.train(table(), tmp_path / "whole", **OPTIONS)
    write = CheckpointSequence.append

    def fail_later(run, rbm, **arguments):
        if arguments["updates"] > 10:
            monkeypatch.setattr("carving.checkpoints._writer.write_resume", interrupt)
        write(run, rbm, **arguments)

    def interrupt(*_):
        raise Interrupted

    with monkeypatch.context():
        monkeypatch.setattr(CheckpointSequence, "append", fail_later)
        with pytest.raises(Interrupted):
            carving.train(table(), tmp_path / "run", **OPTIONS)
    monkeypatch.undo()
    assert content(carving.train(table(), tmp_path / "run", resume=True, **OPTIONS)) == content(whole)


def test_stopped_before_the_first_checkpoint_it_ends_in_the_same_bits(tmp_path, monkeypatch):
    whole = carving.train(table(), tmp_path / "whole", **OPTIONS)

    def interrupt(*_, **__):
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(CheckpointSequence, "append", interrupt)
        with pytest.raises(Interrupted):
            carving.train(table(), tmp_path / "run", **OPTIONS)
    assert content(carving.train(table(), tmp_path / "run", resume=True, **OPTIONS)) == content(whole)


def test_batches_of_all_samples_resume_too(tmp_path):
    options = {**OPTIONS, "batch_size": 1000}
    whole = carving.train(table(), tmp_path / "whole", **options)
    train_until(table(), tmp_path / "run", 10, **options)
    assert content(carving.train(table(), tmp_path / "run", resume=True, **options)) == content(whole)


SHORT = {**OPTIONS, "updates": 12, "save": "linear:3"}


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "options",
    [
        *({"method": method} for method in carving.training.estimator_names()),
        {"method": "emf:persistent=no"},
        {"optimiser": "adam", "rate": "cosine"},
        {"optimiser": "adam", "momentum": 0.5, "l1": 1e-3, "rate": "exponential:5"},
        {"momentum": 0.8, "l2": 1e-3, "rate": "inverse:5"},
        {"arithmetic": "plain"},
        {"weights": "identity:0.7"},
        {"weights": np.arange(1, 51), "method": "cd"},
        {"beta": 1.7},
        {"beta": 1.7, "optimiser": "adam", "visible": carving.Potts(2)},
        {"visible": carving.Potts(2), "optimiser": "adam", "momentum": 0.5},
    ],
    ids=lambda options: " ".join(f"{name}={value}" for name, value in options.items())[:50],
)
def test_with_every_option_it_ends_in_the_same_bits(tmp_path, options):
    options = {**SHORT, **options}
    whole = carving.train(table(), tmp_path / "whole", **options)
    train_until(table(), tmp_path / "run", 4, **options)
    assert content(carving.train(table(), tmp_path / "run", resume=True, **options)) == content(whole)


def test_resuming_what_has_ended_changes_nothing(tmp_path):
    whole = content(carving.train(table(), tmp_path / "run", **OPTIONS))
    assert content(carving.train(table(), tmp_path / "run", resume=True, **OPTIONS)) == whole


# ---- going on for longer


def test_a_longer_training_passes_through_the_machines_of_a_shorter_one(tmp_path):
    carving.train(table(), tmp_path / "run", **OPTIONS)
    longer = {**OPTIONS, "updates": 120, "save": "linear:6"}
    run = carving.train(table(), tmp_path / "run", resume=True, **longer)
    assert run.ages.tolist() == [*carving.training.save_ages("exponential:8", 60), 80, 100, 120]
    whole = carving.train(table(), tmp_path / "whole", **longer)
    for age in (60, 80, 100, 120):
        assert run.at_age(age).weights.equal(whole.at_age(age).weights)


def test_a_longer_training_says_so_in_the_store(tmp_path):
    carving.train(table(), tmp_path / "run", **OPTIONS)
    carving.train(table(), tmp_path / "run", resume=True, **{**OPTIONS, "updates": 120})
    assert carving.open_checkpoints(tmp_path / "run").training["updates"] == 120


def test_a_training_whose_rate_ends_with_it_cannot_be_made_longer(tmp_path):
    options = {**OPTIONS, "updates": 2, "rate": "cosine"}
    carving.train(table(), tmp_path / "run", **options)
    with pytest.raises(InvalidInput, match="run: rate: cosine ends with the 2 updates .*another folder"):
        carving.train(table(), tmp_path / "run", resume=True, **{**options, "updates": 4})


def test_a_shorter_training_is_refused(tmp_path):
    carving.train(table(), tmp_path / "run", **OPTIONS)
    with pytest.raises(InvalidInput, match="updates: the training began with 60, not 30"):
        carving.train(table(), tmp_path / "run", resume=True, **{**OPTIONS, "updates": 30})


# ---- what cannot be resumed


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", 6),
        ("k", 3),
        ("chains", 21),
        ("batch_size", 17),
        ("learning_rate", 0.06),
        ("weight_scale", 0.02),
        ("save", "exponential:9"),
        ("seed", 5),
        ("hidden_unit", "spin"),
        ("visible", carving.Potts(2)),
        ("method", "cd"),
        ("rate", "cosine"),
        ("rate", "exponential:5"),
        ("optimiser", "adam"),
        ("momentum", 0.5),
        ("l1", 0.001),
        ("l2", 0.001),
        ("beta", 2.0),
        ("weights", "identity:0.8"),
        ("weights", np.arange(1, 51)),
        ("arithmetic", "integer"),
    ],
)
def test_another_setting_is_refused_by_its_name(tmp_path, name, value):
    # plain, so that there is another arithmetic everywhere
    options = {**OPTIONS, "updates": 2, "arithmetic": "plain"}
    run = carving.train(table(), tmp_path / "run", **options)
    before = run.fingerprint
    with pytest.raises(InvalidInput, match=f"run: {name}: the training began with"):
        carving.train(table(), tmp_path / "run", resume=True, **{**options, name: value})
    assert carving.open_checkpoints(tmp_path / "run").fingerprint == before


def test_other_weights_are_refused_by_their_name(tmp_path):
    options = {**OPTIONS, "updates": 2, "weights": np.arange(1, 51)}
    carving.train(table(), tmp_path / "run", **options)
    for weights in (np.arange(50, 0, -1), 2 * np.arange(1, 51), "identity:0.8", None):
        with pytest.raises(InvalidInput, match="run: weights: the training began with 'given, sha256"):
            carving.train(table(), tmp_path / "run", resume=True, **{**options, "weights": weights})


def test_other_samples_are_refused(tmp_path):
    carving.train(table(), tmp_path / "run", **OPTIONS)
    with pytest.raises(InvalidInput, match=r"not the samples that the training in .*run began with"):
        carving.train(table()[::-1], tmp_path / "run", resume=True, **OPTIONS)


def test_a_store_that_no_training_of_ours_wrote_is_refused(tmp_path):
    with carving.create_checkpoints(tmp_path / "run") as run:
        run.append(carving.RBM(np.zeros((7, 5)), np.zeros(7), np.zeros(5)), updates=1)
    with pytest.raises(InvalidInput, match=r"was not written by carving's training"):
        carving.train(table(), tmp_path / "run", resume=True, **OPTIONS)


def test_a_store_without_the_state_of_its_training_is_refused(tmp_path):
    source = carving.train(table(), tmp_path / "run", **OPTIONS)
    with carving.create_checkpoints(
        tmp_path / "bare",
        training=source.training,
        provenance={"samples_sha256": source.provenance["samples_sha256"]},
    ) as bare:
        bare.append(source[0], updates=1)
    with pytest.raises(InvalidInput, match="holds no state to resume from"):
        carving.train(table(), tmp_path / "bare", resume=True, **OPTIONS)


def test_a_store_that_is_being_written_is_refused(tmp_path):
    train_until(table(), tmp_path / "run", 1, **OPTIONS)
    with (
        carving.open_checkpoints(tmp_path / "run", writable=True),
        pytest.raises(InvalidInput, match="is being written"),
    ):
        carving.train(table(), tmp_path / "run", resume=True, **OPTIONS)

"""SIGKILL while training: nothing that was committed is lost, and resuming ends in the same bits."""

import pytest
import torch

import carving
from tests.kill import killed_runs
from tests.training.test_resume import content, table

OPTIONS = {"hidden": 5, "updates": 60, "k": 2, "chains": 20, "batch_size": 16, "save": "linear:8", "seed": 4}


def train(folder, options):
    torch.set_num_threads(1)
    carving.train(table(), folder / "run", **options)


# every estimator with every optimiser, and rules of saving that look at the machine
VARIANTS = [
    {"method": method, "optimiser": optimiser, "save": save, "momentum": 0.5, "rate": "cosine", "l2": 1e-3}
    for method in ("pcd", "cd", "rdm", "emf", "emf:persistent=no", "tempering:rungs=3", "trajectory:rungs=3")
    for optimiser, save in (("sgd", "linear:8"), ("adam", "adaptive:8"))
]


def name_of(variant):
    return f"{variant['method']} {variant['optimiser']}"


def kill_and_resume(folder, *, number, seed, **variant):
    options = {**OPTIONS, **variant}
    folder.mkdir(exist_ok=True)
    whole_run = carving.train(table(), folder / "expected", **options)
    whole = content(whole_run)
    for killed, _ in killed_runs(train, (options,), folder, number=number, seed=seed):
        path = killed / "run"
        if not path.exists():  # killed while the empty store was being made
            assert content(carving.train(table(), path, **options)) == whole
            continue
        left = carving.open_checkpoints(path)
        left.verify()
        assert left.ages.tolist() == whole_run.ages.tolist()[: len(left)]
        for age in left.ages.tolist():
            assert left.at_age(age).weights.equal(whole_run.at_age(age).weights)
        assert content(carving.train(table(), path, resume=True, **options)) == whole


@pytest.mark.slow
def test_killed_a_few_times_nothing_committed_is_lost_and_resuming_gives_the_same_bits(tmp_path):
    kill_and_resume(tmp_path, number=3, seed=1)


@pytest.mark.slow
def test_killed_two_hundred_times_nothing_committed_is_lost_and_resuming_gives_the_same_bits(tmp_path):
    kill_and_resume(tmp_path, number=200, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=name_of)
def test_killed_fifteen_times_every_kind_of_training_resumes_to_the_same_bits(tmp_path, variant):
    kill_and_resume(tmp_path, number=15, seed=3, **variant)

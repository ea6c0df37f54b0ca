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


def kill_and_resume(folder, *, number, seed):
    whole_run = carving.train(table(), folder / "expected", **OPTIONS)
    whole = content(whole_run)
    for killed, _ in killed_runs(train, (OPTIONS,), folder, number=number, seed=seed):
        path = killed / "run"
        if not path.exists():  # killed while the empty store was being made
            assert content(carving.train(table(), path, **OPTIONS)) == whole
            continue
        left = carving.open_checkpoints(path)
        left.verify()
        assert left.ages.tolist() == whole_run.ages.tolist()[: len(left)]
        for age in left.ages.tolist():
            assert left.at_age(age).weights.equal(whole_run.at_age(age).weights)
        assert content(carving.train(table(), path, resume=True, **OPTIONS)) == whole


def test_killed_a_few_times_nothing_committed_is_lost_and_resuming_gives_the_same_bits(tmp_path):
    kill_and_resume(tmp_path, number=3, seed=1)


@pytest.mark.slow
def test_killed_two_hundred_times_nothing_committed_is_lost_and_resuming_gives_the_same_bits(tmp_path):
    kill_and_resume(tmp_path, number=200, seed=2)

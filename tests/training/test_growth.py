"""Learning against the theory of its first stage (mathematics §7)."""

import numpy as np
import pytest
import torch

import carving
from carving.data import curie_weiss


@pytest.mark.parametrize("beta", [1.5, 2.0])
def test_curie_weiss_data_are_learned_at_the_rate_of_their_magnetisation_squared(tmp_path, beta):
    sites, rate = 500, 0.02
    data = curie_weiss(sites=sites, samples=2000, beta=beta, generator=torch.Generator().manual_seed(1))
    run = carving.train(
        data.samples,
        tmp_path / "run",
        hidden=1,
        hidden_unit=carving.Gaussian(precision=sites),
        updates=400,
        k=1,
        batch_size=2000,
        learning_rate=rate,
        weight_scale=1e-4,
        save="linear:10",
    )
    overlap = [abs(float(machine.weights[:, 0] @ torch.tensor(data.pattern).float())) for machine in run]
    size = [float((machine.weights**2).sum()) / sites for machine in run]
    assert max(size) < 1e-3  # far below the threshold, 1: the linear regime
    # at first the overlap is no larger than chance, and so is what sampling noise adds to it
    growth = np.polyfit(run.ages[5:] * rate, np.log(overlap[5:]), 1)[0]
    assert growth == pytest.approx(data.magnetisation**2, rel=0.02)

"""What is seen of rows under way, where the way is known in closed form."""

import pytest
import torch
from torch import Tensor

from carving.meanfield import Plefka
from carving.meanfield._under_way import UnderWay
from carving.units import State
from tests.machines import random_machine

FAR = torch.tensor([0.4, 1e-2, 1e-5], dtype=torch.float64)


@pytest.mark.parametrize("visible", ["bernoulli", "potts"])
@pytest.mark.parametrize("contraction", [0.3, 0.9, 0.995])
def test_a_row_of_one_mode_is_expected_where_it_ends(visible: str, contraction: float) -> None:
    plefka = Plefka(random_machine(visible, "bernoulli"), 2)
    generator = torch.Generator().manual_seed(0)

    def draw(shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    end_v, end_h = draw(plefka.visible_bias.shape), draw(plefka.hidden_bias.shape)
    mode_v, mode_h = draw(end_v.shape) - 0.5, draw(end_h.shape) - 0.5

    def after(sweeps: int) -> State:
        left = FAR * contraction**sweeps
        return end_v + left.reshape(-1, *[1] * end_v.ndim) * mode_v, end_h + left[:, None] * mode_h

    rows = torch.arange(len(FAR))
    active = UnderWay.entering(rows, *after(0), torch.zeros_like(rows), propose_below=1.0)
    for count in (4, 8):
        active.v, active.h = after(count)
        active.look(plefka, after(count - 2), after(count - 1), 4)
    away = plefka.size(active.v - end_v, active.h - end_h)
    torch.testing.assert_close(active.estimate, away, rtol=1e-6, atol=1e-13)
    v, h = active.expected()
    assert bool((plefka.size(v - end_v, h - end_h) <= 1e-6 * away + 1e-13).all())

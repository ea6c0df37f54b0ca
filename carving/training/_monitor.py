"""How good the machine is: a few numbers for every checkpoint, cheap enough to be had each time.

Nothing here draws a random number, so that watching a training does not change it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.training._gradient import Moments
from carving.units import Unit

# rows of the samples that metrics are measured on, spread evenly over them
_ROWS = 1000


class Monitor:
    """Measures a machine against some of the samples it learns from.

    Parameters
    ----------
    statistics
        The samples. (n, N_v) or (n, N_v, q)
    unit
        The visible unit.
    """

    def __init__(self, statistics: Tensor, unit: Unit) -> None:
        count = min(_ROWS, len(statistics))
        chosen = torch.arange(count, device=statistics.device) * len(statistics) // count
        self._rows = statistics[chosen]
        self._mean = statistics.mean(0)
        self._unit = unit

    def measure(self, machine: RBM, model: Moments) -> dict[str, float]:
        """The metrics of a checkpoint.

        Parameters
        ----------
        machine
            As it is saved.
        model
            The machine's own averages, as last estimated.

        Returns
        -------
        dict of float
            ``pseudo_log_likelihood``: mean of log p(v_i | all other sites), a site, in nats.
            ``reconstruction_error``: mean distance a site (mathematics §5) of v and ⟨v | ⟨h | v⟩⟩.
            ``visible_mean_error``: distance a site of the mean of the samples and of the machine.
            ``weight_norm``: Frobenius norm of W.
            ``leading_singular_value``: the largest singular value of W.
        """
        rebuilt = machine.visible_mean(machine.hidden_mean(self._rows))
        model_mean = model.visible.reshape(self._mean.shape)
        weights = machine.weights.reshape(-1, machine.hidden_size)
        return {
            "pseudo_log_likelihood": float(pseudo_log_likelihood(machine, self._rows).mean()),
            "reconstruction_error": float(self._distance(rebuilt - self._rows).mean()),
            "visible_mean_error": float(self._distance((model_mean - self._mean)[None]).mean()),
            "weight_norm": float(torch.linalg.norm(weights)),
            "leading_singular_value": float(torch.linalg.matrix_norm(weights, 2)),
        }

    def _distance(self, difference: Tensor) -> Tensor:
        sites = difference.shape[1]
        return self._unit.distance_scale * torch.linalg.norm(difference.flatten(1), dim=1) / sites**0.5


def pseudo_log_likelihood(machine: RBM, v: Tensor) -> Tensor:
    """log p(v_i | v_j, j ≠ i) at one site i of each row: site r mod N_v of row r. (rows,)

    Averaged over the rows it estimates the pseudo-log-likelihood a site, for as many free energies (2)
    a row as a site has states.
    """
    rows = torch.arange(len(v), device=v.device)
    sites = rows % machine.visible_size
    minus_energies = []
    for state in machine.visible.configurations(1, v.dtype).to(v.device):
        changed = v.clone()
        changed[rows, sites] = state.reshape(machine.visible.site_shape)
        minus_energies.append(-machine.free_energy(changed))
    return -machine.free_energy(v) - torch.logsumexp(torch.stack(minus_energies), 0)

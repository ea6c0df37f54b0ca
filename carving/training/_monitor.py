"""How good the machine is: a few numbers for every checkpoint, cheap enough to be had each time.

Nothing here draws a random number, so that watching a training does not change it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from carving.rbm import RBM
from carving.training._mixing import Relaxation
from carving.training.quality.pseudo_likelihood import pseudo_likelihood
from carving.units import Unit


class Monitor:
    """Measures a machine against some of the samples it learns from.

    Parameters
    ----------
    rows, weights
        Statistics of some of the samples, (n, N_v) or (n, N_v, q) float32, and how much each counts.
    frequencies
        Mean of the statistics of all samples, (N_v,) or (N_v, q).
    unit
        The visible unit.
    device
        Of the machines to come.
    """

    def __init__(
        self, rows: Tensor, weights: Tensor | None, frequencies: Tensor, unit: Unit, device: torch.device
    ) -> None:
        self._rows = rows.to(device)
        self._weights = weights
        self._share = None if weights is None else (weights / weights.sum()).float().to(device)
        self._mean = frequencies.float().to(device)
        self._unit = unit

    def measure(self, machine: RBM, model_mean: Tensor, relaxation: Relaxation) -> dict[str, float]:
        """The metrics of a checkpoint.

        Parameters
        ----------
        machine
            As it is saved.
        model_mean
            The machine's own mean of the visible layer, as last estimated, (N_v·q,).
        relaxation
            Of the chains.

        Returns
        -------
        dict of float
            ``pseudo_log_likelihood``: mean of log p(v_i | all other sites), a site, in nats.
            ``reconstruction_error``: mean distance a site (mathematics §5) of v and ⟨v | ⟨h | v⟩⟩.
            ``visible_mean_error``: distance a site of the mean of the samples and of the machine.
            ``weight_norm``: Frobenius norm of W.
            ``leading_singular_value``: the largest singular value of W.
            ``relaxation_steps``: integrated autocorrelation time of the chains, in Gibbs steps, at least this
            where ``relaxation_is_bound`` is 1; NaN where no chains last, or too little was seen of them.
        """
        rebuilt = machine.visible_mean(machine.hidden_mean(self._rows))
        own = model_mean.reshape(self._mean.shape)
        weights = machine.weights.reshape(-1, machine.hidden_size)
        return {
            "pseudo_log_likelihood": pseudo_likelihood(
                machine, self._rows, weights=self._weights, sites="one"
            ).per_site,
            "reconstruction_error": self._average(self._distance(rebuilt - self._rows)),
            "visible_mean_error": float(self._distance((own - self._mean)[None]).mean()),
            "weight_norm": float(torch.linalg.norm(weights)),
            "leading_singular_value": float(torch.linalg.matrix_norm(weights, 2)),
            "relaxation_steps": relaxation.steps,
            "relaxation_is_bound": float(relaxation.is_bound),
        }

    def _average(self, values: Tensor) -> float:
        return float(values.mean() if self._share is None else values @ self._share)

    def _distance(self, difference: Tensor) -> Tensor:
        sites = difference.shape[1]
        return self._unit.distance_scale * torch.linalg.norm(difference.flatten(1), dim=1) / sites**0.5

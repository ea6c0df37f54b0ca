"""All that can be asked of a machine at once: likelihood, agreement with data, copies, and mixing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from carving._progress import Progress, ProgressCallback
from carving.data import Samples
from carving.errors import InvalidInput
from carving.rbm import RBM
from carving.training.likelihood import (
    Estimate,
    MeanLogLikelihood,
    annealed_importance_sampling,
    exact_log_partition,
    is_enumerable,
)
from carving.training.quality.adversarial import AdversarialAccuracy, adversarial_accuracy
from carving.training.quality.autocorrelation import (
    AutocorrelationTime,
    autocorrelation_time,
    gibbs_series,
)
from carving.training.quality.moments import MomentAgreement, moment_agreement
from carving.training.quality.pseudo_likelihood import PseudoLikelihood, pseudo_likelihood
from carving.training.quality.spectrum import (
    SpectrumAgreement,
    principal_directions,
    spectrum_agreement,
)

# rows of the samples whose sites are all guessed: N_v · N_h log-partitions each
_GUESSED_ROWS = 2000
# chains that are watched; with as many, τ of up to a tenth of the times is known to some percent
_WATCHED_CHAINS = 100
_STAGES = 5

Result = TypeVar("Result")


@dataclass(frozen=True)
class QualityReport:
    """What a machine, its chains and some samples say about one another.

    Attributes
    ----------
    log_partition
        log Z: exact, with no error, or by annealed importance sampling.
    is_exact
        Which of the two.
    log_likelihood, test_log_likelihood
        Mean of log p(v) over the samples, and over the test samples if there are some.
    pseudo_likelihood, test_pseudo_likelihood
        How well one site is guessed from all others.
    moments
        Means and pairs, of the chains against the samples.
    spectrum
        Variances along the principal directions of the samples.
    adversarial
        Nearest neighbours among samples and chains; every sample counts once, whatever its weight.
    autocorrelation
        Of Gibbs chains that go on from those given, along the same directions.
    """

    log_partition: Estimate
    is_exact: bool
    log_likelihood: MeanLogLikelihood
    test_log_likelihood: MeanLogLikelihood | None
    pseudo_likelihood: PseudoLikelihood
    test_pseudo_likelihood: PseudoLikelihood | None
    moments: MomentAgreement
    spectrum: SpectrumAgreement
    adversarial: AdversarialAccuracy
    autocorrelation: AutocorrelationTime

    @property
    def relaxation_steps(self) -> float:
        """τ of the slowest direction, in Gibbs steps; NaN if no chain ever moved along any."""
        times = self.autocorrelation.integrated
        moving = times[~times.isnan()]
        return float(moving.max()) if len(moving) else math.nan

    @property
    def relaxation_error(self) -> float:
        """Its standard error, which means nothing where it is a bound."""
        times = self.autocorrelation.integrated.nan_to_num(-1)
        return float(self.autocorrelation.standard_error[times.argmax()])

    @property
    def relaxation_is_bound(self) -> bool:
        """Whether τ of some direction may be far larger, since chains were too short to tell."""
        return bool(self.autocorrelation.lower_bound.any())


def quality_report(
    machine: RBM,
    samples: Any,
    chains: Any,
    *,
    generator: torch.Generator,
    test: Any = None,
    weights: Any = None,
    test_weights: Any = None,
    directions: int = 10,
    annealing_chains: int = 1000,
    temperatures: int = 1000,
    times: int = 1000,
    progress: ProgressCallback | None = None,
) -> QualityReport:
    """Ask everything of this package, and the likelihood, of one machine.

    Parameters
    ----------
    machine
        The machine.
    samples
        What it has learned from: (n, N_v), or one-hot (n, N_v, q); at least 2 rows that are not all alike.
    chains
        What it draws, in the same form, for instance by :func:`carving.sample`; at least 2 rows.
    generator
        For all that is random, on the machine's device.
    test
        Samples that it has not seen, at least 2.
    weights, test_weights
        How much each sample counts, (n,), not negative. None: all alike.
    directions
        Principal directions of the samples, at most.
    annealing_chains, temperatures
        Of :func:`carving.training.likelihood.annealed_importance_sampling`, where log Z is not exact.
    times
        Gibbs steps for which 100 of the chains are watched.
    progress
        Called before each part, and at the end.

    Returns
    -------
    QualityReport
        All answers.

    Raises
    ------
    InvalidInput
        If rows are too few, all alike, or none of the machine's; or if a number is out of range.

    Notes
    -----
    Most of the time goes into log Z: 8 · chains · temperatures · N_v·q · N_h flops, or a sum of up to 2²²
    terms. Pseudo-log-likelihoods are those of at most 2,000 samples, spread evenly over all.
    """
    unit = machine.visible
    samples, chains, test = _values(samples), _values(chains), None if test is None else _values(test)
    for name, rows in (("samples", samples), ("chains", chains), ("test", test)):
        if rows is not None and len(rows) < 2:
            raise InvalidInput(f"{name}: have {len(rows)} rows; give at least 2")
    done = 0

    def stage(name: str, compute: Callable[[], Result]) -> Result:
        nonlocal done
        if progress is not None:
            progress(Progress("measuring", done, _STAGES, name))
        done += 1
        return compute()

    # first, since it refuses samples that are all alike
    moments = stage(
        "moments", lambda: moment_agreement(samples, chains, unit, weights=weights, generator=generator)
    )
    spectrum = stage(
        "principal directions",
        lambda: spectrum_agreement(samples, chains, unit, weights=weights, directions=directions),
    )
    accuracy = stage(
        "nearest neighbours",
        lambda: adversarial_accuracy(samples, chains, unit, test=test, generator=generator),
    )
    autocorrelation = stage(
        "autocorrelation",
        lambda: _autocorrelation(machine, samples, chains, weights, directions, times, generator),
    )
    is_exact, estimate = stage(
        "log-likelihood", lambda: _log_partition(machine, annealing_chains, temperatures, generator)
    )
    report = QualityReport(
        log_partition=estimate,
        is_exact=is_exact,
        log_likelihood=estimate.log_likelihood(machine, samples, weights=weights),
        test_log_likelihood=None
        if test is None
        else estimate.log_likelihood(machine, test, weights=test_weights),
        pseudo_likelihood=_pseudo_likelihood(machine, samples, weights),
        test_pseudo_likelihood=None if test is None else _pseudo_likelihood(machine, test, test_weights),
        moments=moments,
        spectrum=spectrum,
        adversarial=accuracy,
        autocorrelation=autocorrelation,
    )
    if progress is not None:
        progress(Progress("measuring", _STAGES, _STAGES))
    return report


def _values(rows: Any) -> Any:
    return rows.values if isinstance(rows, Samples) else rows


def _log_partition(
    machine: RBM, chains: int, temperatures: int, generator: torch.Generator
) -> tuple[bool, Estimate]:
    if is_enumerable(machine):
        value = exact_log_partition(machine)
        return True, Estimate(value, value, value, standard_error=0.0, effective_samples=math.inf)
    return False, annealed_importance_sampling(
        machine, generator=generator, chains=chains, temperatures=temperatures
    )


def _pseudo_likelihood(machine: RBM, samples: Any, weights: Any) -> PseudoLikelihood:
    every = slice(None, None, -(-len(samples) // _GUESSED_ROWS))
    return pseudo_likelihood(machine, samples[every], weights=None if weights is None else weights[every])


def _autocorrelation(
    machine: RBM,
    samples: Any,
    chains: Any,
    weights: Any,
    directions: int,
    times: int,
    generator: torch.Generator,
) -> AutocorrelationTime:
    """Along the samples' principal directions, of chains that go on from the given ones."""
    vectors: Tensor = principal_directions(
        samples, machine.visible, weights=weights, count=directions
    ).vectors
    start = machine.visible.encode(chains[:_WATCHED_CHAINS], machine.dtype).to(machine.device)
    return autocorrelation_time(gibbs_series(machine, start, vectors, times=times, generator=generator))

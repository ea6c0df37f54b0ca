"""``carve quality``: whether the machine of one age is any good."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from carving.errors import InvalidInput
from carving_cli import _loading
from carving_cli._console import Console
from carving_cli._errors import interruptible
from carving_cli._options import (
    FILE,
    age_option,
    checkpoints_argument,
    common_options,
    computing_options,
    samples_options,
    seed_option,
)

if TYPE_CHECKING:
    import numpy

    from carving._progress import ProgressCallback
    from carving.data import Samples
    from carving.training.likelihood import MeanLogLikelihood
    from carving.training.quality import (
        AdversarialAccuracy,
        MomentComparison,
        PseudoLikelihood,
        QualityReport,
    )

# as many as samples, within these: fewer say little, and of more no nearest neighbour is looked for
_LEAST_CHAINS, _MOST_CHAINS = 500, 2000
# a nearest neighbour that is right so little more often, or less, than a coin is of no concern
_UNCONCERNING = 0.05
# one that is right three times out of four is
_ALIEN = 0.25
# standard deviations that chance does not reach
_DEVIATIONS = 3


@click.command(name="quality")
@checkpoints_argument
@samples_options(required=False)
@click.option(
    "--test",
    "test_path",
    type=FILE,
    default=None,
    metavar="FILE",
    help="Samples that the machine has not learned from, to tell learning from remembering.",
)
@age_option
@click.option(
    "--start",
    type=click.Choice(["data", "random", "tempering", "trajectory"]),
    default="data",
    show_default=True,
    help="Where chains come from, as for carve sample: rows of the samples, independent sites, or swaps with "
    "the machine at higher temperatures or at younger ages.",
)
@click.option(
    "--chains",
    type=click.IntRange(min=20),
    default=None,
    metavar="N",
    help="Chains that are compared with the samples, and chains of the likelihood.  [default: as many as "
    f"samples, from {_LEAST_CHAINS} to {_MOST_CHAINS:,}]",
)
@click.option(
    "--temperatures",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Steps on the way to the machine by which the likelihood of large ones is estimated.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=4),
    default=1000,
    show_default=True,
    metavar="N",
    help="Gibbs steps of every chain before it is compared, and once more to see how fast it forgets.",
)
@seed_option
@computing_options
@common_options
def command(
    checkpoints: str,
    samples_path: Path | None,
    rows: slice | None,
    unknown_letters: str,
    test_path: Path | None,
    age: int | None,
    start: str,
    chains: int | None,
    temperatures: int,
    steps: int,
    seed: int,
    device: str,
) -> None:
    """Say how good the machine of one age is.

    Its likelihood; whether what it draws has the means, pairs and principal directions of the samples,
    looks like them, and is no copy of them; and how fast its chains forget. Where the training weighted its
    samples by identity, so does this command.

    \b
    Examples:
      carve quality checkpoints/
      carve quality checkpoints/ --test held_out.npz --start trajectory
      carve quality checkpoints/ --age 1000 --json
    """  # fmt: skip
    import torch

    from carving import sample
    from carving.training.quality import quality_report

    console = Console()
    run = _loading.load_run(checkpoints)
    age = _loading.chosen_age(run, age)
    if start == "trajectory" and age == int(run.ages[0]):
        raise InvalidInput(
            f"{checkpoints}: holds no machine younger than {age:,}, from which chains could come; use "
            "--start tempering"
        )
    how = {"rows": rows, "unknown_letters": unknown_letters, "source": checkpoints}
    samples = _checked(_loading.load_samples(samples_path, run, **how))
    test = None
    if test_path is not None:
        test = _checked(_loading.load_samples(test_path, run, **{**how, "rows": None}))
    chains = chains or min(max(len(samples), _LEAST_CHAINS), _MOST_CHAINS)
    rule = str(run.training.get("weights", "none"))
    if rule.startswith("given"):
        console.warn(
            f"{checkpoints}: samples were weighted by numbers that it does not hold; here all count alike"
        )
    with interruptible("nothing was measured"), console.progress() as progress:
        weights, test_weights = (_weights(rule, each, progress) for each in (samples, test))
        generator = torch.Generator(device).manual_seed(seed)
        drawn = sample(
            run,
            chains,
            age=age,
            start=start,
            samples=_starts(samples, weights, chains, generator) if start == "data" else None,
            steps=steps,
            seed=generator,
            device=device,
            progress=progress,
        )
        report = quality_report(
            run.at_age(age).to(device=device),
            samples,
            drawn,
            generator=generator,
            test=test,
            weights=weights,
            test_weights=test_weights,
            annealing_chains=chains,
            temperatures=temperatures,
            times=steps,
            progress=progress,
        )
    values: dict[str, Any] = {
        "checkpoints": str(checkpoints), "age": age, "samples": len(samples), "weights": rule,
        "test": None if test is None else len(test), "start": start, "chains": chains, "steps": steps,
        "seed": seed,
    }  # fmt: skip
    if weights is not None:
        values["effective_samples"] = float(weights.sum())
    lines = [
        f"{checkpoints}: the machine at age {age:,}; {len(samples):,} samples, {chains:,} chains, {steps:,} "
        f"Gibbs steps from {start}" + ("" if weights is None else f"; weights {rule}"),
        *_lines(report, steps),
    ]
    console.summary({**values, **_values(report)}, lines, is_result=True)


def _checked(samples: "Samples") -> "Samples":
    """Refuse what has no spread to compare, before anything is drawn."""
    if len(samples) < 2 or (samples.values == samples.values[:1]).all():
        raise InvalidInput(
            f"{samples.source}: {len(samples)} rows, all alike, have no spread to compare with; give others"
        )
    return samples


def _weights(rule: str, samples: "Samples | None", progress: "ProgressCallback") -> "numpy.ndarray | None":
    """How much each sample counts, where the training says so by a rule."""
    from carving._progress import Progress
    from carving.data import sequence_weights

    kind, _, share = rule.partition(":")
    if samples is None or kind != "identity":
        return None
    progress(Progress("weighting samples", 0, len(samples)))
    return sequence_weights(samples.values, identity=float(share))


def _starts(samples: "Samples", weights: "numpy.ndarray | None", chains: int, generator: Any) -> Any:
    """Rows for chains to start from, as often as they count: a chain need not leave its state."""
    import torch

    if weights is None:
        return samples
    shares = torch.from_numpy(weights).to(generator.device)
    chosen = torch.multinomial(shares, chains, replacement=True, generator=generator)
    return samples.values[chosen.cpu().numpy()]


def _values(report: "QualityReport") -> dict[str, Any]:
    """The report in what JSON has."""
    from dataclasses import asdict

    accuracy, autocorrelation = report.adversarial, report.autocorrelation
    return {
        "log_partition": {"exact": report.is_exact, **asdict(report.log_partition)},
        "log_likelihood": asdict(report.log_likelihood),
        "test_log_likelihood": report.test_log_likelihood and asdict(report.test_log_likelihood),
        "pseudo_log_likelihood": asdict(report.pseudo_likelihood),
        "test_pseudo_log_likelihood": report.test_pseudo_likelihood and asdict(report.test_pseudo_likelihood),
        "moments": asdict(report.moments),
        "spectrum": {
            **asdict(report.spectrum),
            "ratio": report.spectrum.ratio,
            "reproduced": report.spectrum.reproduced,
        },
        "adversarial": {
            **asdict(accuracy),
            "accuracy": accuracy.accuracy,
            "privacy_loss": accuracy.privacy_loss,
            "privacy_loss_error": accuracy.privacy_loss_error,
            "reading": _reading(accuracy),
        },
        "autocorrelation": {
            "steps": report.relaxation_steps,
            "standard_error": report.relaxation_error,
            "is_lower_bound": report.relaxation_is_bound,
            "directions": autocorrelation.integrated,
        },
    }


def _lines(report: "QualityReport", steps: int) -> list[str]:
    spectrum, accuracy = report.spectrum, report.adversarial
    ratios = " ".join(f"{ratio:.2f}" for ratio in spectrum.ratio.tolist())
    lines = [
        "  likelihood",
        _likelihood("a sample", report.log_likelihood, report),
        _pseudo("site by site", report.pseudo_likelihood),
    ]
    if report.test_log_likelihood is not None and report.test_pseudo_likelihood is not None:
        lines += [
            _likelihood("a test sample", report.test_log_likelihood, report),
            _pseudo("its sites", report.test_pseudo_likelihood),
        ]
    lines += [
        "  chains against samples",
        _moment("means", report.moments.mean),
        _moment("pairs", report.moments.pair),
        f"    spectrum       {spectrum.reproduced:.1%} of the variance along {len(spectrum.ratio)} principal "
        f"directions ({spectrum.covered:.0%} of all)",
        f"                   chains / samples: {ratios}",
        f"  nearest neighbours (0.5 is ideal; {accuracy.count:,} of each)",
        f"    truth          {accuracy.truth:.3f}",
        f"    synthetic      {accuracy.synthetic:.3f}",
        f"    reading        {_reading(accuracy)}",
    ]
    if accuracy.test is not None:
        lines.append(
            f"    privacy loss   {accuracy.privacy_loss:+.3f} ± {accuracy.privacy_loss_error:.3f}: "
            f"{_privacy(accuracy)}"
        )
    return [*lines, f"  chains forget    {_forgetting(report, steps)}"]


def _likelihood(name: str, mean: "MeanLogLikelihood", report: "QualityReport") -> str:
    line = f"    {name:<14} {mean.value:.3f} nats"
    if report.is_exact:
        return f"{line}, exact"
    line += f", 95 % interval {mean.low:.3f} to {mean.high:.3f}"
    effective = report.log_partition.effective_samples
    return f"{line}; do not trust it, take more --temperatures" if effective < 10 else line


def _pseudo(name: str, pseudo: "PseudoLikelihood") -> str:
    return f"    {name:<14} {pseudo.per_site:.4f} ± {pseudo.standard_error:.4f} nats a site, given all others"


def _moment(name: str, found: "MomentComparison") -> str:
    return (
        f"    {name:<14} differ by {found.error:.4f} (noise alone {found.error_floor:.4f}); correlation "
        f"{found.correlation:.3f} (at best {found.correlation_floor:.3f})"
    )


def _reading(found: "AdversarialAccuracy") -> str:
    """In plain words, whether chains are like the data."""
    above = found.accuracy - 0.5
    if above > _ALIEN:
        return "chains do not look like the data"
    margin = max(_UNCONCERNING, _DEVIATIONS * found.accuracy_error)
    if above > margin:
        return "chains look like the data, but not quite"
    if above < -margin:
        return "chains copy the data"
    spread = max(_UNCONCERNING, _DEVIATIONS * max(found.truth_error, found.synthetic_error))
    # alike on average, and yet to be told apart: one set lies within the other
    if found.synthetic - found.truth > 2 * spread:
        return "chains crowd amid the data and lack their diversity"
    if found.truth - found.synthetic > 2 * spread:
        return "chains lie scattered around the data"
    return "chains look like the data"


def _privacy(found: "AdversarialAccuracy") -> str:
    if found.privacy_loss > max(_UNCONCERNING, _DEVIATIONS * found.privacy_loss_error):
        return "chains are nearer to the samples than to the test set"
    return "chains are as near to the test set as to the samples"


def _forgetting(report: "QualityReport", steps: int) -> str:
    time = report.relaxation_steps
    if math.isnan(time):
        return f"nothing: no chain moved along any direction in {steps:,} Gibbs steps"
    if report.relaxation_is_bound:
        return f"in more than {time:,.1f} Gibbs steps (a lower bound: chains are too short to tell)"
    digits = 2 if time < 10 else 0
    return f"in {time:,.{digits}f} ± {report.relaxation_error:.{digits}f} Gibbs steps (autocorrelation time)"

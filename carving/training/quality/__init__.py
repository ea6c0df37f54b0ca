"""How good a machine is: whether what it draws looks like the data, and whether its chains have mixed.

Each question has a file, and each answer comes with what tells good from noise:

- ``pseudo_likelihood.py``: how well does the machine guess one site from all others?
- ``moments.py``: do means and correlations of two or three sites agree between chains and data?
- ``spectrum.py``: do chains vary along the data's principal directions as much as the data?
- ``adversarial.py``: can a nearest neighbour tell generated samples from data, or are they copies?
- ``autocorrelation.py``: how many steps until a chain has forgotten where it was?
- ``report.py``: all of these and the likelihood at once.

Nothing here draws from a global generator: where something is drawn at random and no generator is given,
one with a fixed seed serves.
"""

from carving.training.quality.adversarial import AdversarialAccuracy, adversarial_accuracy
from carving.training.quality.autocorrelation import (
    AutocorrelationTime,
    autocorrelation_time,
    gibbs_series,
)
from carving.training.quality.moments import MomentAgreement, MomentComparison, moment_agreement
from carving.training.quality.pseudo_likelihood import (
    PseudoLikelihood,
    pseudo_likelihood,
    pseudo_log_likelihoods,
)
from carving.training.quality.report import QualityReport, quality_report
from carving.training.quality.spectrum import (
    PrincipalDirections,
    SpectrumAgreement,
    principal_directions,
    spectrum_agreement,
)

__all__ = [
    "quality_report",
    "QualityReport",
    "pseudo_likelihood",
    "PseudoLikelihood",
    "pseudo_log_likelihoods",
    "moment_agreement",
    "MomentAgreement",
    "MomentComparison",
    "principal_directions",
    "PrincipalDirections",
    "spectrum_agreement",
    "SpectrumAgreement",
    "adversarial_accuracy",
    "AdversarialAccuracy",
    "autocorrelation_time",
    "AutocorrelationTime",
    "gibbs_series",
]

"""Sampling from machines by block Gibbs steps.

- ``steps/``: how steps are made, one file a way;
- ``_chains.py``: configurations that advance by them;
- ``_ladder.py``: chains of several machines that swap;
- ``_rungs.py``: which machines a ladder needs;
- ``_thinning.py``: which ages of a training are enough;
- ``_sample.py``: samples for whoever has a machine, and ``_clamp.py`` with some sites known.
"""

from carving.sampling._sample import STARTS, sample
from carving.sampling._thinning import select_ages_by_acceptance

__all__ = ["STARTS", "sample", "select_ages_by_acceptance"]

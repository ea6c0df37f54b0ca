"""What labels and sites say about a tree.

- ``composition.py``: which labels each node holds;
- ``agreement.py``: how well the groups at each age agree with labels, against shuffled ones;
- ``enrichment.py``: which labels are frequent in which nodes, beyond chance;
- ``separations.py``: when any two labels part;
- ``splits.py``: where branches part, and ``sites.py`` the sites that tell them apart, by ``site_names.py``;
- ``words.py``: all of it as a paragraph, ``tables.py`` as files.
"""

from carving.statistics.agreement import Agreement, agreement, best_levels
from carving.statistics.composition import Composition, composition
from carving.statistics.enrichment import Enrichment, enrichment
from carving.statistics.separations import Separations, separations
from carving.statistics.site_names import read_site_names
from carving.statistics.sites import SiteDifferences, distinguishing_sites
from carving.statistics.splits import Splits, splits
from carving.statistics.tables import write_tables
from carving.statistics.words import in_words

__all__ = [
    "composition",
    "Composition",
    "agreement",
    "best_levels",
    "Agreement",
    "enrichment",
    "Enrichment",
    "separations",
    "Separations",
    "splits",
    "Splits",
    "distinguishing_sites",
    "SiteDifferences",
    "read_site_names",
    "in_words",
    "write_tables",
]

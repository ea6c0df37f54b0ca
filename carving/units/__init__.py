"""The unit types: each an exponential family, and all that the rest of carving knows of it.

A unit has one natural parameter θ (its *field*) per state; its log-partition A(θ) fixes everything
else (mathematics §1). Nothing outside this room knows what {0, 1}, ±1 or one-hot means.

The second half of a unit is what Plefka's expansion asks of a *layer* of them (mathematics §3).
Through the weights w_iμ, site i sends to unit μ of the other layer a random field w_iμ·σ_i; the
expansion needs its cumulants, the back-reaction on the site, and the second derivatives of both.
`powers` always holds the elementwise powers (W, W∘², W∘³) up to the order of the expansion,
and `conjugates` the cumulants (κ₁, κ₂, κ₃) of the other layer's units, equally long.

A new unit type is one more file here, named in the import below, and nothing else.
"""

from carving.units._compiled_sweep import compiled_for
from carving.units._scalar import ScalarUnit
from carving.units._sweeps import State, Sweeps
from carving.units._unit import Unit, resolve_unit
from carving.units.bernoulli import Bernoulli
from carving.units.gaussian import Gaussian
from carving.units.potts import Potts
from carving.units.spin import Spin

__all__ = [
    "Bernoulli",
    "Gaussian",
    "Potts",
    "ScalarUnit",
    "Spin",
    "State",
    "Sweeps",
    "Unit",
    "compiled_for",
    "resolve_unit",
]

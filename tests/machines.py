"""Random machines of every allowed pair of units."""

import torch

from carving import RBM

VISIBLE = ("bernoulli", "spin", "potts")
HIDDEN = ("bernoulli", "spin", "gaussian")
PAIRS = [(visible, hidden) for visible in VISIBLE for hidden in HIDDEN]
ORDERS = (1, 2, 3)


def encoding_factor(visible: str, hidden: str) -> float:
    """What makes couplings between other units as strong as between spins: ×2 for each {0, 1} layer."""
    return (1 if visible == "spin" else 2) * (2 if hidden == "bernoulli" else 1)


def random_machine(
    visible: str,
    hidden: str,
    *,
    sites: int = 10,
    units: int = 8,
    states: int = 4,
    weights: float = 0.25,
    bias: float = 0.3,
    uniform: bool = False,
    beta: float = 1.0,
    seed: int = 0,
) -> RBM:
    """Weights and biases of the given scale: normal, or uniform up to it."""
    generator = torch.Generator().manual_seed(seed)
    site = (states,) if visible == "potts" else ()

    def draw(*shape: int) -> torch.Tensor:
        if uniform:
            return 2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return RBM(
        weights * draw(sites, *site, units),
        bias * draw(sites, *site),
        bias * draw(units),
        visible,
        hidden,
        beta=beta,
    )


def random_samples(rbm: RBM, count: int, *, seed: int = 0) -> torch.Tensor:
    """Statistics of uniformly random samples."""
    generator = torch.Generator().manual_seed(seed)
    field = torch.zeros(count, *rbm.visible_bias.shape, dtype=torch.float64)
    return rbm.visible.sample(field, generator)


def ordering_machine(visible: str, hidden: str, coupling: float, *, seed: int = 0) -> RBM:
    """A machine that orders along one pattern as ``coupling`` passes about 1, with little fields and noise.

    Written for spins (Potts: for zero-sum patterns around equal probabilities) and converted.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    sites, units, states = 10, 8, 4
    towards = torch.sign(draw(units)) / units**0.5
    if visible == "potts":
        pattern = draw(sites, states)
        pattern -= pattern.mean(1, keepdim=True)
        # unit response of the visible layer, whose covariance at equal probabilities is 1/q
        pattern *= states**0.5 / pattern.norm()
    else:
        pattern = torch.sign(draw(sites)) / sites**0.5
    weights = coupling * (pattern[..., None] * towards + 0.03 * draw(*pattern.shape, units))
    fields = 0.002 * draw(*pattern.shape)
    rbm = RBM(
        weights,
        fields,
        torch.zeros(units, dtype=torch.float64),
        visible if visible == "potts" else "spin",
        hidden if hidden == "gaussian" else "spin",
    )
    if visible == "potts" and hidden != "gaussian":
        rbm = RBM(rbm.weights, rbm.visible_bias, -rbm.weights.mean(1).sum(0), "potts", "spin")
    return rbm.convert(
        visible=visible if visible == "bernoulli" else None, hidden=hidden if hidden == "bernoulli" else None
    )

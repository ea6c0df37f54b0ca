"""Machines that depend on their age alone, so that what a store gives back can be told right or wrong."""

import numpy as np

from carving import RBM, Unit


def machine(
    age: int,
    *,
    visible_size: int = 6,
    hidden_size: int = 3,
    states: int | None = None,
    visible: str | None = None,
    hidden: str | Unit = "bernoulli",
    beta: float = 1.0,
) -> RBM:
    """The machine of an age."""
    random = np.random.default_rng(age)
    site = (visible_size,) if states is None else (visible_size, states)
    return RBM(
        random.normal(size=(*site, hidden_size)).astype(np.float32),
        random.normal(size=site).astype(np.float32),
        random.normal(size=hidden_size).astype(np.float32),
        visible=visible or ("bernoulli" if states is None else "potts"),
        hidden=hidden,
        beta=beta,
    )

"""Mutual information of groups and labels, as sums over the groups.

For groups of sizes a_i and labels of sizes b_j of N samples, with n_ij samples in both, and f(x) = x log x:
N MI = Σ f(n_ij) − Σ f(a_i) − Σ f(b_j) + f(N); N H(groups) = f(N) − Σ f(a_i). With a and b fixed and all ways
of dealing out the labels equally likely, n_ij is hypergeometric, which gives the expected mutual information.
Everything is a sum over groups, so that nested levels share it.

Source: Vinh, Epps & Bailey, JMLR 11, 2837 (2010).
"""

import numpy as np
from scipy.special import gammaln


def times_log(samples: int) -> np.ndarray:
    """x log x of 0 … samples."""
    x = np.arange(samples + 1, dtype=np.float64)
    return x * np.log(np.maximum(x, 1))


def expected_information(sizes: np.ndarray, label_sizes: np.ndarray) -> np.ndarray:
    """What a group of each size adds to N times the expected mutual information, (groups,).

    Parameters
    ----------
    sizes
        Of groups, (groups,) int64.
    label_sizes
        Of all labels, (labels,) int64, none 0; N is their sum.
    """
    samples = int(label_sizes.sum())
    # logarithms of both
    factorial = gammaln(np.arange(samples + 1) + 1.0)
    log = np.log(np.maximum(np.arange(samples + 1), 1))
    labels, times = np.unique(label_sizes, return_counts=True)
    distinct, of_group = np.unique(sizes, return_inverse=True)
    result = np.zeros(len(distinct))
    for index, size in enumerate(distinct.tolist()):
        if not size:
            continue
        # by Hoeffding's bound less than 1e-17 of the probability is further from the mean
        narrowest = np.minimum(np.minimum(size, samples - size), np.minimum(labels, samples - labels))
        reach, mean = np.sqrt(20.0 * narrowest) + 1, size * labels / samples
        low = np.maximum(np.maximum(1, size + labels - samples), np.floor(mean - reach)).astype(np.int64)
        high = np.minimum(np.minimum(size, labels), np.ceil(mean + reach)).astype(np.int64)
        count = high - low + 1
        which = np.repeat(np.arange(len(labels)), count)
        both = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + low[which]
        label = labels[which]
        log_probability = (
            factorial[size] + factorial[label] + factorial[samples - size] + factorial[samples - label]
            - factorial[samples] - factorial[both] - factorial[size - both] - factorial[label - both]
            - factorial[samples - size - label + both]
        )  # fmt: skip
        information = both * (log[both] + log[samples] - log[size] - log[label])
        result[index] = np.sum(times[which] * np.exp(log_probability) * information)
    return result[of_group]

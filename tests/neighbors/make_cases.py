"""Writes expected.json: what scipy, scikit-learn and the definitions say of small layers.

    python make_cases.py          # numpy 2, scipy 1.17, scikit-learn 1.9

tests/all/neighbors.rs makes the same layers: every operation below is one of float32 that is rounded
once, or exact.
"""
import json
import pathlib
import warnings

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma

MASK = (1 << 64) - 1


def mix(counter):
    """SplitMix64."""
    z = (counter + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def fraction(sample, neuron, seed):
    return np.float32((mix(seed << 40 ^ neuron << 20 ^ sample) >> 40) / 2.0**24)


def activation(sample, neuron, seed):
    x, one = fraction(sample, neuron, seed), np.float32(1)
    if neuron == 0:                                   # spread evenly
        return x
    if neuron == 1:                                   # follows the first
        return fraction(sample, 0, seed) + np.float32(0.25) * x
    if neuron == 2:                                   # rectified: many zeros
        return max(x - np.float32(0.5), np.float32(0))
    if neuron == 3:                                   # rectified, follows the one before
        return max(fraction(sample, 2, seed) + x - one, np.float32(0))
    if neuron == 4:                                   # constant
        return np.float32(3.5)
    if neuron == 5:                                   # few values
        return np.floor(x * np.float32(4))
    if neuron == 6:                                   # each value twice, and of a large scale
        return np.float32(64) * fraction(sample // 2, neuron, seed) - np.float32(32)
    return x * x * x * x                              # skewed


def label(sample, seed):
    """Three labels, and one of a single sample."""
    return 9 if sample == 1 else mix(seed << 40 ^ 77 << 20 ^ sample) % 3


def first(x, y, k):
    """Kraskov et al., algorithm 1, with strict inequality; duplicates where there is no distance."""
    z = np.c_[x, y]
    r = np.nextafter(cKDTree(z).query(z, k + 1, p=np.inf)[0][:, -1], 0)
    count = lambda v: cKDTree(v[:, None]).query_ball_point(v[:, None], r, p=np.inf, return_length=True)
    return digamma(len(x)) + digamma(k) - np.mean(digamma(count(x)) + digamma(count(y)))


def second(x, y, k):
    """Kraskov et al., algorithm 2; all at the k-th distance belong to the neighbours."""
    dx, dy = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
    d = np.maximum(dx, dy)
    np.fill_diagonal(d, np.inf)
    near = d <= np.sort(d, axis=1)[:, k - 1 : k]
    total = 0
    for e in (dx, dy):
        extent = np.where(near, e, 0).max(1, keepdims=True)
        total = total + digamma((e <= extent).sum(1) - 1)
    return digamma(len(x)) + digamma(k) - 1 / k - total.mean()


def entropy(x, k):
    """Kozachenko-Leonenko; None where it is minus infinity."""
    r = cKDTree(x[:, None]).query(x[:, None], k + 1, p=np.inf)[0][:, -1]
    return None if (r == 0).any() else digamma(len(x)) - digamma(k) + np.mean(np.log(2 * r))


def main():
    from sklearn.feature_selection._mutual_info import _compute_mi_cd

    warnings.simplefilter("ignore")
    cases = []
    for samples, seed in [(5, 1), (20, 2), (100, 3), (500, 4)]:
        layer = np.array([[activation(s, n, seed) for n in range(8)] for s in range(samples)])
        assert layer.dtype == np.float32
        x = layer.astype(np.float64).T
        labels = np.array([label(s, seed) for s in range(samples)])
        for k in (k for k in (1, 3, 10) if k < samples):
            matrix = lambda f: [[float(f(a, b, k)) for b in x] for a in x]
            cases.append(dict(
                samples=samples, seed=seed, k=k, entropy=[entropy(a, k) for a in x],
                first=matrix(first), second=matrix(second),
                with_labels=[float(_compute_mi_cd(a, labels, k)) for a in x]))
    text = json.dumps(cases).replace("}, {", "},\n{")
    pathlib.Path(__file__).with_name("expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes estimators.json: entropies and information by the published formulas, in plain Python.

    python3 make_estimators.py > estimators.json
    python3 make_estimators.py --paper

Needs numpy and scipy. Where the packages are there, the numbers are also compared with infomeasure
0.6.3 (Miller-Madow, Chao-Shen) and scikit-learn (contingency tables, Jaccard, phi). Histograms are
made of tuples and dictionaries here, sums by math.fsum: nothing is shared with what is tested.
"""
import json
import sys
from collections import Counter
from math import exp, fsum, log, log1p

import numpy as np
from scipy.special import digamma
from scipy.stats import chi2


def g(n):
    """Grassberger 2003."""
    sign = 0.5 if n % 2 == 0 else -0.5
    return digamma(n) + sign * (digamma((n + 1) / 2) - digamma(n / 2))


def plug_in(n, s, cells):
    return log(s) - fsum(k * log(k) for k in n) / s


def miller_madow(n, s, cells):
    return plug_in(n, s, cells) + (len(n) - 1) / (2 * s)


def grassberger(n, s, cells):
    return log(s) - fsum(k * g(k) for k in n) / s


def pseudo_count(added):
    def entropy(n, s, cells):
        total = s + added * cells
        shares = [(k + added) / total for k in n]
        empty = added / total
        return -fsum(p * log(p) for p in shares) - (cells - len(n)) * empty * log(empty)

    return entropy


def chao_shen(n, s, cells):
    singletons = sum(1 for k in n if k == 1)
    coverage = 1 - min(singletons, s - 1) / s
    shares = [coverage * k / s for k in n]
    return -fsum(p * log(p) / (1 - exp(s * log1p(-p))) if p < 1 else 0.0 for p in shares)


def james_stein(n, s, cells):
    shares = [k / s for k in n] + [0.0] * (cells - len(n))
    target = 1 / cells
    distance = fsum((p - target) ** 2 for p in shares)
    variance = fsum(p * (1 - p) for p in shares) / (s - 1)
    shrinkage = 1.0 if variance >= distance else max(0.0, variance / distance)
    shrunk = [shrinkage * target + (1 - shrinkage) * p for p in shares]
    return -fsum(p * log(p) for p in shrunk if p > 0)


ESTIMATORS = {
    "plug-in": plug_in,
    "miller-madow": miller_madow,
    "grassberger": grassberger,
    "laplace": pseudo_count(1.0),
    "jeffreys": pseudo_count(0.5),
    "pseudo-count 0.01": pseudo_count(0.01),
    "chao-shen": chao_shen,
    "james-stein": james_stein,
}


def codes_of(x, bins):
    edges = np.linspace(x.min(), x.max(), bins + 1)
    return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, bins - 1).tolist()


def counts(*columns):
    return sorted(Counter(zip(*columns)).values())


def entropy(estimator, cells, *columns):
    n = counts(*columns)
    return 0.0 if len(n) == 1 else ESTIMATORS[estimator](n, len(columns[0]), cells)


def case(name, x, bins, labels):
    samples, neurons = x.shape
    codes = [codes_of(x[:, j], bins) for j in range(neurons)]
    of_label = len(set(labels))
    out = {
        "name": name, "samples": samples, "neurons": neurons, "bins": bins,
        "activations": x.ravel().tolist(), "labels": labels, "estimators": [],
    }
    for estimator in ESTIMATORS:
        h = [entropy(estimator, bins, c) for c in codes]
        h_z = entropy(estimator, of_label, labels)
        is_constant = [len(set(c)) == 1 for c in codes]

        def shared(i, j):
            if is_constant[i] or is_constant[j]:
                return 0.0
            if i == j:
                return h[i]
            return h[i] + h[j] - entropy(estimator, bins * bins, codes[i], codes[j])

        def with_label(i):
            if is_constant[i] or of_label == 1:
                return 0.0
            return h[i] + h_z - entropy(estimator, bins * of_label, codes[i], labels)

        def given_label(i, j):
            if is_constant[i] or is_constant[j]:
                return 0.0
            if i == j:
                return entropy(estimator, bins * of_label, codes[i], labels) - h_z
            return (entropy(estimator, bins * of_label, codes[i], labels)
                    + entropy(estimator, bins * of_label, codes[j], labels) - h_z
                    - entropy(estimator, bins * bins * of_label, codes[i], codes[j], labels))

        pairs = range(neurons)
        found = {
            "estimator": estimator,
            "entropy": h,
            "mutual_information": [shared(i, j) for i in pairs for j in pairs],
            "label_entropy": h_z,
            "label_information": [with_label(i) for i in pairs],
        }
        if estimator not in ("chao-shen", "james-stein"):
            found["given_label"] = [given_label(i, j) for i in pairs for j in pairs]
        out["estimators"].append(found)
    plug = out["estimators"][0]["mutual_information"]
    occupied = [len(set(c)) for c in codes]
    out["g_test"] = [
        float(chi2.sf(2 * samples * max(plug[i * neurons + j], 0),
                      (occupied[i] - 1) * (occupied[j] - 1)))
        if occupied[i] > 1 and occupied[j] > 1 else 1.0
        for i in range(neurons) for j in range(neurons)]
    out["joint_entropy_of_all"] = entropy("plug-in", bins ** neurons, *codes)
    check(out, codes, labels)
    return out


def check(out, codes, labels):
    try:
        import infomeasure as im
        from sklearn.metrics import mutual_info_score
    except ImportError:
        print("infomeasure or scikit-learn are missing: not compared", file=sys.stderr)
        return
    by_name = {e["estimator"]: e for e in out["estimators"]}
    for i, c in enumerate(codes):
        if len(set(c)) == 1:
            continue
        for ours, theirs in (("miller-madow", "miller_madow"), ("chao-shen", "chao_shen")):
            expected = im.entropy(np.array(c), approach=theirs, base="e")
            assert abs(by_name[ours]["entropy"][i] - expected) < 1e-12, (ours, i)
        mi = by_name["plug-in"]["label_information"][i]
        assert abs(mi - mutual_info_score(c, labels)) < 1e-12, i
    print(f"{out['name']}: equal to infomeasure and scikit-learn", file=sys.stderr)


def paper(x):
    """What the code released with arXiv 2210.09404 computes: entropies, then information."""
    from scipy.spatial import cKDTree

    edges = np.linspace(x.min(), x.max(), 101)
    samples, neurons = x.shape
    for j in range(neurons):
        n = counts(np.digitize(x[:, j], edges).tolist())
        print("entropy", repr(plug_in(n, samples, None)))

    def near(column, radius):
        tree = cKDTree(column[:, None])
        return np.array([len(tree.query_ball_point([c], r, p=np.inf)) - 1
                         for c, r in zip(column, radius)])

    for i in range(neurons):
        for j in range(neurons):
            plane = np.stack([x[:, i], x[:, j]], axis=1)
            radius = np.nextafter(cKDTree(plane).query(plane, 4, p=np.inf)[0][:, -1], 0)
            a, b = near(x[:, i], radius), near(x[:, j], radius)
            mi = digamma(samples) + digamma(3) - np.mean(digamma(a + 1) + digamma(b + 1))
            print("information", repr(float(mi)))


def main():
    rng = np.random.default_rng(5)
    cases = []
    for name, samples, bins in (("few", 12, 4), ("some", 90, 5), ("many bins", 150, 24), ("two bins", 64, 2)):
        base = rng.integers(0, 60, size=samples)
        x = np.stack([
            base,
            (base + rng.integers(0, 20, size=samples)) % 60,
            rng.integers(0, 60, size=samples),
            np.maximum(rng.integers(-40, 20, size=samples), 0),
            np.full(samples, 7),
        ], axis=1)
        labels = (base // 20 + 5 * rng.integers(0, 2, size=samples)).tolist()
        cases.append(case(name, x, bins, labels))
    if "--paper" in sys.argv:
        many = cases[2]
        x = np.array(many["activations"], float).reshape(many["samples"], many["neurons"])
        return paper(x[:, :3])
    json.dump({"cases": cases}, sys.stdout, separators=(",", ":"))
    print()


main()

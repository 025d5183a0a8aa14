#!/usr/bin/env python3
"""Writes binnings.json beside this file: what tests/all/binnings.rs expects.

    python3 tests/oracle/make_binnings.py     (from anywhere in the repository; needs numpy)

It reads the activations that make_cases.py wrote to cases/data, and bins them by the rules in their
plainest form, in f64:

    equal width      numpy.histogram_bin_edges(x, rule), and with range=(low, high) where the range
                     is global or given; more than 256 bins become 256
    digitized        numpy.digitize(x, numpy.linspace(low, high, bins + 1)) of all neurons, less one
    equal frequency  cuts at numpy.quantile(x, numpy.linspace(0, 1, bins + 1))[1:-1], until one has no
                     value between itself and the cut before. Then each distinct value gets a bin if
                     there are no more of them than bins; else the smallest value from the cut before
                     on gets one, and those above it are cut anew into the bins that are left
    threshold        x > threshold
    edges            the number of edges at or below x, less one, held inside
    categories       x itself
    zero bin         0 where x is zero; else one more than the code among those that are not zero

A neuron whose activations (without zeros beside a zero bin) are all alike has one bin for them.

Of each neuron there are `counts`, the samples in each of its bins, and of some binnings `edges`, as
the bits of f64s, or null where one bin holds everything.
"""
import json
import pathlib

import numpy as np
from numpy.lib import _histograms_impl

HERE = pathlib.Path(__file__).resolve().parent
RULES = ["auto", "sturges", "doane", "scott", "fd", "sqrt", "rice"]
MOST = 256


def number_of_bins(x, rule, ends, most):
    """What numpy.histogram_bin_edges takes before it makes the edges, which can be too many."""
    low, high = ends
    if low == high or not x.size:
        return 1
    width = _histograms_impl._hist_bin_selectors[rule](x, ends)
    bins = min(int(np.ceil((high - low) / width)), 10**9) if width else 1
    if bins < 10_000 and (x >= low).all() and (x <= high).all():
        try:
            assert len(np.histogram_bin_edges(x, rule, range=ends)) == bins + 1
        except ValueError:
            pass  # bins too narrow for an f64, which cofire has all the same
    return min(bins, most)


def ends_of(x):
    return (x.min(), x.max()) if x.size else None


def equal_frequency_cuts(x, bins, is_all=True):
    quantiles = np.quantile(x, np.linspace(0, 1, bins + 1))[1:-1]
    cuts = []
    for number, cut in enumerate(quantiles):
        before = x.min() if not cuts else cuts[-1]
        if ((x >= before) & (x < cut)).any():
            cuts.append(cut)
            continue
        distinct = np.unique(x + 0.0)
        if is_all and len(distinct) <= bins:
            return list(distinct[1:])
        tied = x[x >= before].min()
        above = x[x > tied]
        if above.size:
            cuts += [above.min(), *equal_frequency_cuts(above, bins - number - 1, False)]
        break
    return cuts


def edges_of(x, everything, binning, most):
    """Edges for the values x of a neuron; None where they are all alike, or none."""
    kind = binning["kind"]
    if kind == "equal-width":
        range_ = binning["range"]
        ends = {"per-neuron": ends_of(x), "global": ends_of(everything)}.get(range_, range_)
        if ends is None or ends[0] == ends[1]:
            return None
        low, high = map(float, ends)
        bins = binning["bins"]
        if isinstance(bins, str):
            bins = number_of_bins(x[(x >= low) & (x <= high)], bins, (low, high), most)
        return np.linspace(low, high, bins + 1)
    if kind == "equal-frequency":
        if not x.size:
            return None
        if x.min() == x.max():
            return None
        return np.array([x.min(), *equal_frequency_cuts(x, binning["bins"]), x.max()])
    assert kind == "edges", kind
    return np.array(binning["edges"])


def codes_among(x, everything, binning, most):
    """Codes, their number, and edges, of the values of a neuron."""
    kind = binning["kind"]
    if kind == "threshold":
        return (x > binning["threshold"]).astype(int), 2, None
    if kind == "categories":
        return x.astype(int), int(everything.max()) + 1, None
    if kind == "digitized":
        ends = ends_of(everything)
        if ends is None or ends[0] == ends[1]:
            return np.zeros(x.shape, int), 1, None
        edges = np.linspace(*ends, binning["bins"] + 1)
        return np.digitize(x, edges) - 1, binning["bins"] + 1, None
    edges = edges_of(x, everything, binning, most)
    if edges is None:
        return np.zeros(x.shape, int), 1, None
    codes = np.searchsorted(edges, x, side="right") - 1
    return np.clip(codes, 0, len(edges) - 2), len(edges) - 1, edges


def bits(edges):
    return None if edges is None else [int(b) for b in (edges + 0.0).view(np.uint64)]


def neurons(activations, binning):
    x = activations.astype(np.float64)
    zero_bin = binning.get("zero-bin", False)
    everything = x[x != 0] if zero_bin else x.ravel()
    for column in x.T:
        values = column[column != 0] if zero_bin else column
        codes, number, edges = codes_among(values, everything, binning, MOST - zero_bin)
        if zero_bin and values.size:
            codes, number = np.concatenate([codes + 1, np.zeros(column.size - values.size, int)]), number + 1
        elif zero_bin and not (edges is None and (binning.get("range", "per-neuron") == "per-neuron")
                               and binning["kind"] in ("equal-width", "equal-frequency")):
            # Edges that do not depend on the neuron: the zero bin is there, and the others empty.
            codes, number = np.zeros(column.size, int), number + 1
        else:
            codes = codes if not zero_bin else np.zeros(column.size, int)
        yield np.bincount(codes, minlength=number).tolist(), bits(edges)


def equal_width(bins, range_="per-neuron", **more):
    return {"kind": "equal-width", "bins": bins, "range": range_, **more}


def equal_frequency(bins, **more):
    return {"kind": "equal-frequency", "bins": bins, **more}


ZERO = {"zero-bin": True}


def cases():
    for rule in RULES:
        for data in ["strange", "mixed_1000_samples", "mixed_5000_samples", "minilm_layer_0",
                     "on_edges_uneven", "denormal", "two_samples", "three_samples_one_neuron"]:
            yield data, equal_width(rule)
        for data in ["strange", "mixed_1000_samples"]:
            yield data, equal_width(rule, "global")
            yield data, equal_width(rule, (-0.5, 1.25))
            yield data, equal_width(rule, **ZERO)
            yield data, equal_width(rule, (-0.5, 1.25), **ZERO)
        yield "mixed_1000_samples", equal_width(rule, "global", **ZERO)
    for bins in [2, 3, 10, 32]:
        for data in ["strange", "mixed_1000_samples", "minilm_layer_0"]:
            yield data, equal_frequency(bins)
    for data in ["denormal", "two_samples", "three_samples_one_neuron", "on_edges_third"]:
        yield data, equal_frequency(4)
    yield "minilm_layer_5", equal_frequency(100)
    yield "on_edges_uneven", equal_frequency(256)
    for data in ["strange", "mixed_1000_samples"]:
        yield data, equal_frequency(5, **ZERO)
        yield data, equal_width(10, **ZERO)
        yield data, equal_width(10, "global", **ZERO)
        yield data, equal_width(1, (-1.0, 1.0), **ZERO)
        yield data, {"kind": "digitized", "bins": 100}
        yield data, {"kind": "digitized", "bins": 20, **ZERO}
        for threshold in [0.0, 1.0, -0.25]:
            yield data, {"kind": "threshold", "threshold": threshold}
            yield data, {"kind": "threshold", "threshold": threshold, **ZERO}
        for edges in [[0.0, 1.0], [-1.0, 0.0, 0.1, 0.5, 1e30], [-1e300, 1e-45, 1e300]]:
            yield data, {"kind": "edges", "edges": edges}
            yield data, {"kind": "edges", "edges": edges, **ZERO}
    for bins in [2, 3, 4, 5, 10]:
        yield "ties", equal_frequency(bins)
        yield "ties", equal_frequency(bins, **ZERO)
        yield "doubles", equal_frequency(bins)
        yield "doubles", equal_width(bins)
        yield "doubles", equal_width(bins, "global")
    for rule in RULES:
        yield "doubles", equal_width(rule)
    yield "doubles", {"kind": "digitized", "bins": 20}
    for threshold in [0.1, 1e9 + 1.0]:
        yield "doubles", {"kind": "threshold", "threshold": threshold}
    yield "doubles", {"kind": "edges", "edges": [0.0, 0.1, 0.3, 1e9 + 0.5, 1e9 + 1.375]}
    yield "two_values", {"kind": "categories"}
    yield "categories", {"kind": "categories"}


def activations_of(data):
    # No pseudorandom numbers: the same in every language.
    if data == "categories":
        s, j = np.meshgrid(np.arange(500), np.arange(6), indexing="ij")
        return (s * (j + 3) // 7 % [1, 2, 3, 10, 100, 256]).astype(np.float32)
    if data == "two_values":
        return (np.arange(30).reshape(10, 3) % 2).astype(np.float32)
    if data == "ties":
        s = np.arange(101)
        columns = [s // 50 % 2 * 3 + 1, np.maximum(s - 69, 0), s // 2 % 3, s // 20,
                   np.minimum(s, 2), np.minimum(s * s % 101, 4), s % 2]
        return np.stack(columns, axis=1).astype(np.float32)
    if data == "doubles":
        s, j = np.meshgrid(np.arange(400), np.arange(5), indexing="ij")
        small = (s * (j + 7) % 101) / [10.0, 8.0, 1000.0, 3.0, 7.0]
        return small + np.array([0.0, 1e9, 1e9, 2.0**52, -1e-9])
    return np.load(HERE / "cases" / "data" / f"{data}.npy")


def main():
    entries = []
    for data, binning in cases():
        x = activations_of(data)
        found = list(neurons(x, binning))
        entry = {"activations": data, "binning": binning, "counts": [counts for counts, _ in found]}
        if binning["kind"] == "equal-frequency" and binning["bins"] < 50:
            entry["edges"] = [edges for _, edges in found]
        entries.append(entry)
    head = {"command": "python3 tests/oracle/make_binnings.py", "numpy": np.__version__}
    lines = ",\n".join("    " + json.dumps(entry, separators=(",", ":")) for entry in entries)
    text = json.dumps(head, indent=2)[:-2] + ',\n  "cases": [\n' + lines + "\n  ]\n}\n"
    (HERE / "binnings.json").write_text(text)
    print(f"{len(entries)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()

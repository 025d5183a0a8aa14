#!/usr/bin/env python3
"""Writes the reference cases of tests/all/oracle.rs into the folder `cases` beside this file.

    python3 tests/oracle/make_cases.py        (from anywhere in the repository; needs numpy)

Running it again writes the same bytes, on any machine: pseudorandom numbers come from integers and
uniform draws of PCG64 with the seeds below, what is made of them uses only +, -, *, comparisons and
rounding to f32, and logarithms are taken in decimals of 50 digits, not by the C library. Expected
entropies and information are therefore the exact values, rounded once to f64.

The rules, written here a second time and in the plainest way, in f64 like numpy:

    edges    numpy.linspace(low, high, bins + 1); low and high are the neuron's own extremes, or
             those of all neurons, or given
    code     the number of edges at or below x, less one, held between 0 and bins - 1
    constant a neuron whose low equals its high has code 0 throughout, and no edges
    H(X)     ln S - (1/S) sum of n ln n over the bins; H(X, Y) the same over the cells of a pair
    I(X; Y)  H(X) + H(Y) - H(X, Y)

A case is an entry of cases.json and a folder of what is expected:

    data/<activations>.npy  f32, samples x neurons; the case names it
    entropy.npy             f64, neurons
    mutual_information.npy  f64, neurons x neurons
    edges.npy               f64, neurons (or 1, for all) x (bins + 1); NaN for a constant neuron
    cells.npy               u32, the occupied cells of the listed pairs: flat index of the cell in an
                            array of pairs x bins x bins, and its count
"""
import argparse
import collections
import decimal
import json
import pathlib
import shutil
import struct

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MINILM = HERE.parents[1] / "examples" / "data" / "minilm.safetensors"
SEED = 2210_09404

PER_NEURON, GLOBAL = "per-neuron", "global"


# The rules.


def edge_rows(x, bins, range_):
    """One row of edges a neuron, or a single one that all share."""
    x = x.astype(np.float64)
    if range_ == PER_NEURON:
        ends = [(column.min(), column.max()) for column in x.T]
    elif range_ == GLOBAL:
        ends = [(x.min(), x.max())]
    else:
        ends = [range_]
    flat = np.full(bins + 1, np.nan)
    return np.array([np.linspace(low, high, bins + 1) if low < high else flat for low, high in ends])


def code_columns(x, bins, rows):
    """The bin of every activation, samples x neurons."""
    codes = np.zeros(x.shape, np.int64)
    for neuron, column in enumerate(x.astype(np.float64).T):
        edges = rows[neuron if len(rows) > 1 else 0]
        if not np.isnan(edges[0]):
            below = (edges[None, :] <= column[:, None]).sum(axis=1)
            codes[:, neuron] = np.clip(below - 1, 0, bins - 1)
    return codes


_LOGARITHMS = {}


def n_ln_n(n):
    if n not in _LOGARITHMS:
        _LOGARITHMS[n] = decimal.Decimal(n) * decimal.Decimal(n).ln()
    return _LOGARITHMS[n]


def entropy(labels):
    """Plug-in entropy, in nats, of as many samples as there are labels."""
    counts = collections.Counter(collections.Counter(labels.tolist()).values())
    samples = len(labels)
    return (n_ln_n(samples) - sum(m * n_ln_n(n) for n, m in counts.items())) / samples


def information(codes, bins):
    """Entropies, and the matrix of mutual information."""
    neurons = codes.shape[1]
    single = [entropy(codes[:, j]) for j in range(neurons)]
    shared = np.empty((neurons, neurons))
    for i in range(neurons):
        for j in range(i, neurons):
            joint = entropy(codes[:, i] * bins + codes[:, j])
            shared[i, j] = shared[j, i] = float(max(single[i] + single[j] - joint, 0))
    return np.array([float(h) for h in single]), shared


def occupied_cells(codes, bins, pairs):
    cells = []
    for p, (i, j) in enumerate(pairs):
        counts = np.bincount(codes[:, i] * bins + codes[:, j], minlength=bins * bins)
        occupied = np.flatnonzero(counts)
        cells.append(np.stack([p * bins * bins + occupied, counts[occupied]], axis=1))
    return np.concatenate(cells).astype(np.uint32)


# The activations.


def rng(number):
    return np.random.Generator(np.random.PCG64(SEED + number))


def bell(draw, shape):
    """Something like a normal distribution, without its logarithms."""
    return sum(draw.random(shape) for _ in range(6)) - 3.0


def mixed(samples, neurons, number):
    """Neurons that share a little with the one before; every third is a ReLU, mostly zero."""
    draw = rng(number)
    x = bell(draw, (samples, neurons))
    for j in range(1, neurons):
        x[:, j] += 0.75 * x[:, j - 1]
    x[:, 2::3] = np.maximum(x[:, 2::3] - 0.5, 0.0)
    return x


def strange(samples, number):
    """One neuron of each awkward kind."""
    draw = rng(number)
    pick = lambda values: np.array(values, np.float32)[draw.integers(0, len(values), samples)]
    tiny, top = np.float32(1e-45), np.finfo(np.float32).max
    neurons = [
        np.zeros(samples),                                      # dead
        pick([0.0, -0.0]),                                      # dead, with both zeros
        np.full(samples, -7.25),                                # constant
        np.full(samples, tiny),                                 # constant and denormal
        pick([-1.5, 4.0]),                                      # two values
        pick([1.0, np.nextafter(np.float32(1), np.float32(2))]),  # two neighbouring values
        pick([-0.0, 0.0, 1.0]),                                 # both zeros in the first bin
        pick([-1.0, -0.0, 0.0, 1.0]),                           # both zeros on an edge of 2, 8, 10 bins
        draw.integers(0, 300, samples) * np.float64(tiny),      # denormals
        pick([0.0, tiny]),                                      # the narrowest range there is
        pick([-top, top, 0.0, 1.0, -top / 2, top / 3]),         # the widest range there is
        np.maximum(bell(draw, samples) - 1.0, 0.0),             # nearly all zeros
        pick([0.0, 0.0, 0.0, 0.0, 1e-30, 1e30]),                # all but the ends in one bin
        np.arange(samples),                                     # a ramp: every value once
        1e8 + 8.0 * draw.integers(0, 9, samples),               # bins narrower than an f32 step
        draw.integers(-128, 128, samples) / 128.0,              # values on edges of 2^k bins
    ]
    return np.stack(neurons, axis=1)


def on_edges(low, high, bins_of_neurons):
    """Values on the edges of a range and one and two f32 steps beside them, all inside the range."""
    columns = []
    for bins in bins_of_neurons:
        edge = np.linspace(low, high, bins + 1)
        near = edge.astype(np.float32)
        up, down = np.float32(np.inf), np.float32(-np.inf)
        steps = [near, np.nextafter(near, up), np.nextafter(near, down)]
        steps += [np.nextafter(steps[1], up), np.nextafter(steps[2], down)]
        columns.append(np.clip(np.concatenate(steps), np.float32(low), np.float32(high)))
    samples = max(map(len, columns))
    return np.stack([np.resize(column, samples) for column in columns], axis=1)


def minilm(path, layer, neurons):
    """The first 300 tokens of some neurons of a layer, from a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    entry = json.loads(data[8 : 8 + length])[f"layer.{layer}.ffn"]
    begin, end = entry["data_offsets"]
    whole = np.frombuffer(data[8 + length :][begin:end], "<f2").reshape(entry["shape"])
    return whole[:300, neurons]


def datasets(minilm_path):
    third = float(np.float32(1 / 3))
    return {
        "two_samples": np.array([[1, 5, -2], [1, 6, 2]]),
        "three_samples_one_neuron": np.array([[0.5], [0.25], [-1.0]]),
        "mixed_40_neurons": mixed(64, 40, 1),
        "mixed_1000_samples": mixed(1000, 7, 2),
        "mixed_5000_samples": mixed(5000, 6, 3),
        "strange": strange(500, 4),
        "denormal": rng(5).integers(-40, 41, (200, 4)) * np.float64(np.float32(1e-45)),
        "on_edges_0_1": on_edges(0.0, 1.0, [2, 3, 10, 30]),
        "on_edges_uneven": on_edges(float(np.float32(-0.17)), float(np.float32(3.3)), [10, 17, 33]),
        "on_edges_third": on_edges(-third, third, [255, 256, 100]),
        "minilm_layer_0": minilm(minilm_path, 0, slice(0, 24)),
        "minilm_layer_3": minilm(minilm_path, 3, slice(40, 88, 2)),
        "minilm_layer_5": minilm(minilm_path, 5, slice(160 - 24, 160)),
    }


# Which bins and ranges are measured on which activations.
CASES = [
    ("two_samples", 2, PER_NEURON),
    ("two_samples", 256, PER_NEURON),
    ("two_samples", 10, GLOBAL),
    ("three_samples_one_neuron", 3, PER_NEURON),
    ("three_samples_one_neuron", 100, (-0.5, 0.5)),
    ("mixed_40_neurons", 8, GLOBAL),
    ("mixed_40_neurons", 17, PER_NEURON),
    ("mixed_1000_samples", 9, PER_NEURON),
    ("mixed_1000_samples", 16, GLOBAL),
    ("mixed_1000_samples", 33, PER_NEURON),
    ("mixed_1000_samples", 64, (-1.0, 2.0)),
    ("mixed_1000_samples", 255, PER_NEURON),
    ("mixed_5000_samples", 10, PER_NEURON),
    ("mixed_5000_samples", 32, GLOBAL),
    ("mixed_5000_samples", 30, (-0.1, 0.7)),
    ("strange", 2, PER_NEURON),
    ("strange", 3, PER_NEURON),
    ("strange", 8, PER_NEURON),
    ("strange", 10, PER_NEURON),
    ("strange", 10, GLOBAL),
    ("strange", 16, (-1.0, 1.0)),
    ("strange", 32, PER_NEURON),
    ("strange", 64, (0.0, 1e-44)),
    ("strange", 256, PER_NEURON),
    ("denormal", 9, GLOBAL),
    ("denormal", 32, PER_NEURON),
    ("on_edges_0_1", 2, PER_NEURON),
    ("on_edges_0_1", 3, PER_NEURON),
    ("on_edges_0_1", 10, PER_NEURON),
    ("on_edges_0_1", 30, (0.0, 1.0)),
    ("on_edges_uneven", 10, PER_NEURON),
    ("on_edges_uneven", 17, GLOBAL),
    ("on_edges_uneven", 33, PER_NEURON),
    ("on_edges_third", 100, PER_NEURON),
    ("on_edges_third", 255, PER_NEURON),
    ("on_edges_third", 256, GLOBAL),
    ("minilm_layer_0", 10, PER_NEURON),
    ("minilm_layer_3", 30, GLOBAL),
    ("minilm_layer_5", 10, GLOBAL),
    ("minilm_layer_5", 100, PER_NEURON),
]


def chosen_pairs(neurons):
    """Every ordered pair of a few neurons; else each neuron with itself, the next and the one
    opposite, in either order."""
    if neurons <= 4:
        return [(i, j) for i in range(neurons) for j in range(neurons)]
    near = [(i, i) for i in range(0, neurons, 5)] + [(i, i + 1) for i in range(0, neurons - 1, 3)]
    return near + [(neurons - 1 - i, i) for i in range(0, neurons, 4)]


def case_name(data, bins, range_):
    place = range_.replace("-", "_") if isinstance(range_, str) else "given"
    return f"{data}_{bins}_bins_{place}"


def write(case, x, bins, range_, folder):
    rows = edge_rows(x, bins, range_)
    codes = code_columns(x, bins, rows)
    single, shared = information(codes, bins)
    pairs = chosen_pairs(x.shape[1])
    (folder / case).mkdir()
    np.save(folder / case / "edges.npy", rows)
    np.save(folder / case / "entropy.npy", single)
    np.save(folder / case / "mutual_information.npy", shared)
    np.save(folder / case / "cells.npy", occupied_cells(codes, bins, pairs))
    return pairs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minilm", type=pathlib.Path, default=MINILM)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "cases")
    arguments = parser.parse_args()
    decimal.getcontext().prec = 50

    folder = arguments.out
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    data = {n: x.astype(np.float32) for n, x in datasets(arguments.minilm).items()}
    for name, x in data.items():
        np.save(folder / "data" / f"{name}.npy", np.ascontiguousarray(x))

    entries = []
    for of, bins, range_ in CASES:
        case = case_name(of, bins, range_)
        pairs = write(case, data[of], bins, range_, folder)
        entries.append({
            "name": case, "activations": of, "bins": bins, "range": range_, "pairs": pairs,
        })
    head = {
        "command": "python3 tests/oracle/make_cases.py",
        "numpy": np.__version__,
        "seed": SEED,
    }
    lines = ",\n".join("    " + json.dumps(entry) for entry in entries)
    text = json.dumps(head, indent=2)[:-2] + ',\n  "cases": [\n' + lines + "\n  ]\n}\n"
    (folder / "cases.json").write_text(text)
    written = [f for f in folder.rglob("*") if f.is_file()]
    print(f"{len(entries)} cases, {len(written)} files, {sum(f.stat().st_size for f in written)} bytes")


if __name__ == "__main__":
    main()

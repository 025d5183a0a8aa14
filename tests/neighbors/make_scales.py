"""Writes scales.json: what scipy and the definitions say of layers whose neurons have very different scales.

    python make_scales.py         # numpy 2, scipy 1.17

The layers are those of make_cases.py, each neuron times a power of two, which is exact in float32.
"""
import json
import pathlib

import numpy as np

from make_cases import activation, entropy, first, second

PLACES = [0, -40, 60, -60, 0, 100, 20, -70]


def main():
    cases = []
    for samples, seed in [(20, 2), (100, 3), (300, 4)]:
        layer = np.array([[activation(s, n, seed) for n in range(8)] for s in range(samples)])
        scaled = np.ldexp(layer, PLACES)
        assert scaled.dtype == np.float32
        x = scaled.astype(np.float64).T
        for k in (1, 3, 10):
            matrix = lambda f: [[float(f(a, b, k)) for b in x] for a in x]
            cases.append(dict(
                samples=samples, seed=seed, k=k, entropy=[entropy(a, k) for a in x],
                first=matrix(first), second=matrix(second)))
    text = json.dumps(cases).replace("}, {", "},\n{")
    pathlib.Path(__file__).with_name("scales.json").write_text(text + "\n")


main()

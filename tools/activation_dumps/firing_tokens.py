"""Prints the tokens on which two neurons fire together.

    python firing_tokens.py DUMP LAYER NEURON NEURON TOKENS

DUMP is a .safetensors or .npy file. LAYER is ignored for .npy. TOKENS is a JSON list with the token
of each sample. A neuron fires on a sample if its activation is above 0.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy


def read_layer(path, layer):
    """Returns a layer of a dump. Of .safetensors, it reads F16, BF16 and F32."""
    if Path(path).suffix == ".npy":
        return numpy.load(path, mmap_mode="r")
    with open(path, "rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(start - 8))[layer]
    element = {"F16": "<f2", "F32": "<f4", "BF16": "<u2"}[entry["dtype"]]
    offset, shape = start + entry["data_offsets"][0], tuple(entry["shape"])
    values = numpy.memmap(path, element, "r", offset, shape)
    if entry["dtype"] == "BF16":  # bfloat16 is the upper half of a float32
        values = (values.astype("uint32") << 16).view("float32")
    return values


def main(path, layer, first, second, tokens, shown=10):
    """Prints the counts of samples, and the `shown` most frequent tokens."""
    layer = read_layer(path, layer)
    tokens = numpy.array(json.loads(Path(tokens).read_text(encoding="utf-8")))
    fire = [layer[:, int(neuron)] > 0 for neuron in (first, second)]
    both = fire[0] & fire[1]
    print(f"of {len(both)} samples {fire[0].sum()} and {fire[1].sum()}, both in {both.sum()}")
    all_tokens = Counter(tokens.tolist())
    for token, count in Counter(tokens[both].tolist()).most_common(shown):
        print(f"{count:6} of {all_tokens[token]:6}  {token}")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])

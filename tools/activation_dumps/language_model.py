"""Prints the figures of docs/LANGUAGE_MODEL.md that cofire does not compute.

    python language_model.py MODEL TEXT DUMP FIRING COMPARISON

MODEL and TEXT are the arguments of from_hugging_face.py, and DUMP is its DIRECTORY. FIRING is the
output of `cofire analyze` with `--binning threshold=0 --measure phi`. COMPARISON is the output of
`cofire compare` for the same dump.
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy
from safetensors.numpy import load_file
from transformers import AutoTokenizer

# Neurons on the page, and its thresholds for many tokens and many neurons.
POSITION_PAIRS = [(459, 1239), (1063, 1158), (258, 948), (1369, 1535), (813, 1289)]
CONTINUATION_PAIR = (585, 1337)
CLOSING_PAIR = (389, 1042)
STRONGEST = 20
MANY_TOKENS = 50
MANY_NEURONS = 6


def name(layer):
    """Returns the name of a layer's files."""
    return f"encoder.layer.{layer}.intermediate"


def positions(text, tokens, model):
    """Returns the place of each sample in its paragraph, and whether it closes a pair of marks."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    places, closes = [], []
    for line in Path(text).read_text(encoding="utf-8").splitlines():
        ids = tokenizer(line, add_special_tokens=True, truncation=True)["input_ids"][1:-1]
        seen = defaultdict(int)
        for place, token in enumerate(tokenizer.convert_ids_to_tokens(ids)):
            places.append(place)
            seen[token] += 1
            closes.append(seen[token] % 2 == 0)
    assert len(places) == len(tokens), "TEXT is not what DUMP was made of"
    return numpy.array(places), numpy.array(closes)


def main(model, text, dump, firing, comparison):
    """Prints the figures, layer by layer."""
    tokens = numpy.array(json.loads(Path(dump, "tokens.json").read_text()))
    places, closes = positions(text, tokens, model)
    layers = [numpy.load(Path(dump, f"{name(i)}.npy"), mmap_mode="r") for i in range(6)]

    print("layer 0: share of samples on which a neuron fires, by place, ten places each")
    for neuron in sum(POSITION_PAIRS, ()):
        fires = layers[0][:, neuron] > 0
        shares = [fires[places // 10 == tenth].mean() for tenth in range(12)]
        print(f"{neuron:6}", " ".join(f"{share:.2f}" for share in shares))

    continues = numpy.char.startswith(tokens, "##")
    print(f"layer 0: {continues.sum()} tokens continue a word")
    for neuron in CONTINUATION_PAIR:
        fires = layers[0][:, neuron] > 0
        print(
            f"{neuron:6} fires on {(fires & continues).sum()} and {(fires & ~continues).sum()} others"
        )

    both = (layers[2][:, CLOSING_PAIR[0]] > 0) & (layers[2][:, CLOSING_PAIR[1]] > 0)
    print("layer 2: tokens on which", *CLOSING_PAIR, "fire together")
    for mark in '"*)(]':
        for kind, chosen in (("odd", ~closes), ("even", closes)):
            chosen = chosen & (tokens == mark)
            print(f"  {mark} {kind:5} {both[chosen].sum():5} of {chosen.sum()}")

    print(
        f"the {STRONGEST} pairs of highest phi: cosines of weights in and out, mean and beyond 1/2"
    )
    weights = load_file(Path(model, "model.safetensors"))
    for i in range(6):
        cosines = []
        for part, axis in (("intermediate", 1), ("output", 0)):
            matrix = weights[f"encoder.layer.{i}.{part}.dense.weight"]
            unit = matrix / numpy.linalg.norm(matrix, axis=axis, keepdims=True)
            cosines.append(unit @ unit.T if axis else unit.T @ unit)
        phi = numpy.nan_to_num(numpy.load(Path(firing, name(i), "phi.npy")))
        first, second = numpy.triu_indices(len(phi), 1)
        top = numpy.argsort(-phi[first, second], kind="stable")[:STRONGEST]
        ins, outs = (cosine[first[top], second[top]] for cosine in cosines)
        of_all = cosines[1][first, second].std()
        print(
            f"  layer {i}: in {ins.mean():.2f}, out {outs.mean():.2f}; out below -1/2"
            f" {(outs < -0.5).sum()}, above 1/2 {(outs > 0.5).sum()}; of all pairs {of_all:.2f};"
            f" strongest {first[top[0]]} and {second[top[0]]}: {ins[0]:.2f}, {outs[0]:.2f}"
        )

    print("communities: on which tokens their neurons fire, as a share of the community")
    kinds, index, counts = numpy.unique(tokens, return_inverse=True, return_counts=True)
    communities = defaultdict(set)
    for edge in csv.DictReader(Path(comparison, "edges.csv").open(encoding="utf-8")):
        for end in ("first", "second"):
            layer = int(edge["layer"].split(".")[-1])
            communities[layer, int(edge[f"{end}_community"])].add(int(edge[end]))
    for (layer, community), neurons in sorted(communities.items()):
        if len(neurons) < MANY_NEURONS:
            continue
        share = (layers[layer][:, sorted(neurons)] > 0).mean(axis=1)
        of_kind = numpy.where(counts < MANY_TOKENS, 0, numpy.bincount(index, share) / counts)
        most = [f"{kinds[k]} {of_kind[k]:.2f}" for k in numpy.argsort(-of_kind)[:8]]
        print(
            f"  layer {layer}, {len(neurons)} neurons, {share.mean():.2f} of all:", ", ".join(most)
        )


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])

"""Dumps activations of a Flax model, Linen or NNX: one .npy file for each layer."""

from contextlib import ExitStack
from pathlib import Path

import jax
import numpy
from flax import nnx
from flax.traverse_util import flatten_dict

from activation_files import NpyWriter


def linen_activations(model, variables, layers):
    """Returns a function from inputs to the outputs of the submodules named in `layers`."""

    @jax.jit
    def run(inputs):
        _, state = model.apply(
            variables,
            inputs,
            capture_intermediates=lambda module, method: module.name in layers,
            mutable=["intermediates"],
        )
        return state["intermediates"]

    return run


def nnx_activations(model):
    """Returns a function from inputs to the values given to self.sow(nnx.Intermediate, NAME, x)."""
    model.eval()  # dropout off, batch normalisation with the learned statistics

    @nnx.jit
    def run(model, inputs):
        _, state = nnx.capture(lambda model, inputs: model(inputs), nnx.Intermediate)(model, inputs)
        return nnx.to_pure_dict(state)

    return lambda inputs: run(model, inputs)


def dump(activations, batches, directory, dtype="float16"):
    """Writes DIRECTORY/PATH.npy, samples × neurons, for each array that `activations` returns.

    batches: pairs of inputs and a mask. The mask has the shape of a layer's output without its
        neurons. It is true for each sample to write; None writes all.
    """
    with ExitStack() as stack:
        writers = {}
        for inputs, mask in batches:
            for path, calls in flatten_dict(activations(inputs), sep=".").items():
                if len(calls) != 1:
                    raise RuntimeError(f"{path} ran {len(calls)} times on a batch")
                if path not in writers:
                    file = NpyWriter(Path(directory, f"{path}.npy"), dtype)
                    writers[path] = stack.enter_context(file)
                layer = numpy.asarray(calls[0], "float32")  # numpy has no bfloat16
                rows = layer.reshape(-1, layer.shape[-1]) if mask is None else layer[mask]
                writers[path].write(rows)

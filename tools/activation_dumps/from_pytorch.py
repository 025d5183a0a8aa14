"""Dumps activations of a PyTorch model with forward hooks: one .npy file for each layer."""

from contextlib import ExitStack
from pathlib import Path

import torch

from activation_files import NpyWriter


@torch.no_grad()
def dump(model, layers, batches, directory, dtype="float16", neuron_axis=-1):
    """Writes DIRECTORY/LAYER.npy, samples × neurons, for each of `layers`.

    model: any torch.nn.Module; it is put in evaluation mode.
    layers: names from model.named_modules().
    batches: pairs of the model's keyword arguments and a mask. The mask has the shape of a layer's
        output without its neurons. It is true for each sample to write; None writes all.
    neuron_axis: -1 for (..., neurons); 1 for convolutions, (batch, channels, height, width).
    """
    model.eval()  # dropout off, batch normalisation with the learned statistics
    done, mask = set(), None

    def writing_to(name, writer):
        # Write at once: an in-place ReLU or the next layer may overwrite the output.
        def hook(module, inputs, output):
            if name in done:
                raise RuntimeError(f"{name} ran twice on a batch: hook another module")
            done.add(name)
            activations = output[0] if isinstance(output, tuple) else output
            activations = activations.movedim(neuron_axis, -1)
            rows = activations.flatten(0, -2) if mask is None else activations[mask]
            writer.write(rows.float().cpu().numpy())  # numpy has no bfloat16

        return hook

    with ExitStack() as stack:
        for name in layers:
            writer = stack.enter_context(NpyWriter(Path(directory, f"{name}.npy"), dtype))
            handle = model.get_submodule(name).register_forward_hook(writing_to(name, writer))
            stack.callback(handle.remove)
        for arguments, mask in batches:
            done.clear()
            model(**arguments)
            if missing := set(layers) - done:
                raise RuntimeError(f"the model did not run {', '.join(sorted(missing))}")

"""Dumps hook points of a TransformerLens model to one .safetensors file."""

import torch

from activation_files import SafetensorsWriter


@torch.no_grad()
def dump(model, hook_points, batches, path, samples):
    """Writes the activations at `hook_points`, samples × neurons, as bfloat16.

    model: a TransformerBridge (TransformerLens 3 and 4), or a HookedTransformer (1 to 3).
    hook_points: numbers of neurons by name, such as {"blocks.0.mlp.hook_post": model.cfg.d_mlp}.
    batches: tokens, (batch, positions). The first token of each sequence is the BOS token.
    samples: the number of tokens, without BOS tokens.
    """
    model.eval()  # dropout off
    with SafetensorsWriter(path, samples, hook_points, "BF16") as file:

        def writing_to(name):
            def hook(activations, hook):
                rows = activations[:, 1:].flatten(
                    0, -2
                )  # neurons act unlike anywhere else at BOS
                bits = rows.to(torch.bfloat16).cpu().view(torch.int16)
                file.write(name, bits.numpy().view("uint16"))

            return hook

        hooks = [(name, writing_to(name)) for name in hook_points]
        for tokens in batches:
            # run_with_cache would keep every activation of the model until the batch ends.
            model.run_with_hooks(tokens, fwd_hooks=hooks, return_type=None)

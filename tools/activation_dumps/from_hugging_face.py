"""Dumps the feed-forward neurons of a BERT-like Hugging Face model, a token a sample.

    python from_hugging_face.py MODEL TEXT DIRECTORY

MODEL is a name or a folder; TEXT has a paragraph a line. DIRECTORY gets a .npy file a layer, and
tokens.json, the token of each sample.
"""

import json
import sys
from pathlib import Path

from transformers import AutoModel, AutoTokenizer

from from_pytorch import dump


def batches(tokenizer, lines, tokens, size=32):
    """The model's arguments and the mask of its samples, `size` lines at a time.

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
    """See above."""
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name)
    # BERT's `intermediate` ends with GELU. Other models have other names for what lies between the
    # activation function and the matrix that leads back: print model, and look.
    layers = [f"encoder.layer.{i}.intermediate" for i in range(model.config.num_hidden_layers)]
    lines = Path(text).read_text(encoding="utf-8").splitlines()
    tokens = []
    Path(directory).mkdir(parents=True, exist_ok=True)
    dump(model, layers, batches(tokenizer, lines, tokens), directory)
    Path(directory, "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

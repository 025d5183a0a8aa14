#!/usr/bin/env python3
"""Writes files/: what other programs write, for cofire to read, and to compare what it writes.

    python3 make_files.py

Made with numpy 2.4.6, scipy 1.17.1, pyarrow 26.0.1, pandas 3.1.1, datasets 5.2.0 and zarr 3.1.6. The
tests know the function `activations` as well; half precision holds what it returns exactly.
"""
import shutil
import tempfile
from pathlib import Path

import datasets
import numpy as np
import pandas
import pyarrow.feather
import scipy.sparse
import zarr
from numcodecs import Blosc, GZip, Zlib

FILES = Path(__file__).parent / "files"


def activations(samples, neurons, dtype="float32"):
    sample, neuron = np.indices((samples, neurons))
    return (((sample * 7 + neuron * 3) % 23) / 8 - 1).astype(dtype)


def pairs():
    """A sparse matrix as scipy saves it."""
    values, rows, columns = [0.5, 1 / 3, 1e-300], [0, 1, 0], [3, 2, 6]
    matrix = scipy.sparse.coo_array((values, (rows, columns)), shape=(7, 7))
    scipy.sparse.save_npz(FILES / "pairs.npz", matrix, compressed=False)


def dataset():
    """Six texts, as a Hugging Face dataset keeps them: one state of each, or a state of each token."""
    lengths = [2, 3, 1, 0, 4, 2]
    ends = np.cumsum(lengths)
    tokens = activations(sum(lengths), 5)
    data = {
        "text": [f"text {i}" for i in range(6)],
        "label": list(range(6)),
        "input_ids": [list(range(length)) for length in lengths],
        "hidden": activations(6, 5).tolist(),
        "half": activations(6, 5, "float16").tolist(),
        "double": activations(6, 5, "float64").tolist(),
        "states": activations(6 * 3, 5).reshape(6, 3, 5).tolist(),
        "tokens": [tokens[end - length : end].tolist() for length, end in zip(lengths, ends)],
    }
    values = datasets.Value
    features = datasets.Features(
        {
            "text": values("string"),
            "label": values("int64"),
            "input_ids": datasets.List(values("int32")),
            "hidden": datasets.List(values("float32")),
            "half": datasets.List(values("float16"), length=5),
            "double": datasets.List(values("float64")),
            "states": datasets.Array2D((3, 5), "float32"),
            "tokens": datasets.List(datasets.List(values("float32"))),
        }
    )
    made = datasets.Dataset.from_dict(data, features=features)
    made.to_parquet(FILES / "dataset.parquet", batch_size=4)
    with tempfile.TemporaryDirectory() as directory:
        made.save_to_disk(directory)
        (shard,) = Path(directory).glob("data-*.arrow")
        shutil.copy(shard, FILES / "dataset.arrow")


def tables():
    """A column a neuron, in each way of packing."""
    frame = pandas.DataFrame(activations(40, 4), columns=["a", "b", "c", "d"])
    frame.index = np.arange(40) * 2  # kept as a column of its own
    for compression in ["none", "snappy", "gzip", "zstd", "lz4"]:
        frame.to_parquet(FILES / f"table_{compression}.parquet", compression=compression)
    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    for compression in ["uncompressed", "zstd", "lz4"]:
        path = FILES / f"table_{compression}.feather"
        pyarrow.feather.write_feather(table, path, compression=compression, chunksize=16)


def stores():
    """A Zarr array in each way of packing, and a group."""
    made = activations(40, 9)
    kinds = {
        "default": {},
        "plain": {"compressors": None},
        "gzip": {"compressors": zarr.codecs.GzipCodec()},
        "blosc": {"compressors": zarr.codecs.BloscCodec(cname="lz4")},
        "sharded": {"shards": (30, 10)},
        "transposed": {"filters": zarr.codecs.TransposeCodec(order=(1, 0))},
        "v2_default": {"zarr_format": 2},
        "v2_blosc": {"zarr_format": 2, "compressors": Blosc(cname="zstd")},
        "v2_gzip": {"zarr_format": 2, "compressors": GZip()},
        "v2_fortran": {"zarr_format": 2, "compressors": Zlib(), "order": "F", "dtype": ">f4"},
    }
    for name, settings in kinds.items():
        settings = {"shape": made.shape, "chunks": (15, 5), "dtype": "float32", **settings}
        zarr.create_array(FILES / f"store_{name}.zarr", **settings)[:] = made
    group = zarr.open_group(FILES / "store_group.zarr", mode="w")
    for layer in [10, 9]:
        settings = {"shape": (4, 5, 6), "chunks": (3, 3, 4), "dtype": "float16"}
        block = group.create_array(f"blocks/{layer}", **settings)
        block[:] = activations(20, 6, "float16").reshape(4, 5, 6)
    group.create_array("labels", shape=(20,), dtype="int64")[:] = np.arange(20)
    group.create_array("complex", shape=(20, 2), dtype="complex64")[:] = 1j
    sparse = group.create_array("sparse", shape=(20, 6), dtype="int8", chunks=(5, 6), fill_value=3)
    sparse[10:15] = activations(5, 6) * 8


if __name__ == "__main__":
    FILES.mkdir(exist_ok=True)
    pairs()
    dataset()
    tables()
    stores()

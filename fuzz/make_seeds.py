"""Writes the seeds of the fuzz targets into seeds/, a folder for each target.

    pip install numpy==2.4.6 safetensors==0.8.0
    python make_seeds.py

Every run writes the same bytes.
"""

import io
import json
import pathlib
import shutil
import struct
import zipfile

import numpy as np
from safetensors.numpy import save

SEEDS = pathlib.Path(__file__).parent / "seeds"


def put(targets, name, data):
    for target in targets:
        path = SEEDS / target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(arrays, method):
    """Makes an archive like numpy.savez, but always with the same date."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in arrays.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = method
            archive.writestr(member, data)
    return file.getvalue()


def files():
    layer = np.arange(12, dtype="f4").reshape(4, 3)
    arrays = {
        "f4": layer,
        "f8_by_columns": np.asfortranarray(layer.astype("f8") / 3),
        "big_endian": layer.astype(">i2"),
        "f2_of_three_axes": layer.astype("f2").reshape(2, 2, 3),
        "by_columns_of_three_axes": np.asfortranarray(layer.astype("u1").reshape(2, 2, 3)),
        "i8": layer.astype("i8") << 40,
        "bool": layer > 5,
        "objects_are_refused": np.zeros(3, dtype="U2"),
        "structure": np.zeros((2, 2), dtype=[("a", "f4"), ("b", "u1", (2,))]),
        "no_samples": layer[:0],
        "beyond_f32": np.full((2, 1), 1e300),
        "nan": np.full((2, 1), np.nan, dtype="f4"),
    }
    for name, array in arrays.items():
        put(["read_layer", "npy"], f"{name}.npy", npy(array))
    version_2 = io.BytesIO()
    np.lib.format.write_array(version_2, layer, version=(2, 0))
    put(["read_layer", "npy"], "version_2.npy", version_2.getvalue())

    members = {"a.npy": npy(layer), "b/c.npy": npy(layer.astype("f8")), "notes.txt": b"text"}
    for name, method in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
        put(["read_layer", "npz"], f"{name}.npz", npz(members, method))
    zeros = {"zeros.npy": npy(np.zeros((1000, 64), dtype="f4"))}
    put(["read_layer", "npz"], "expands.npz", npz(zeros, zipfile.ZIP_DEFLATED))
    put(["read_layer", "npz"], "empty.npz", npz({}, zipfile.ZIP_STORED))

    for name, tensors in {
        "one": {"x": layer},
        "several": {"a": layer, "b.weight": layer.astype("f2"), "c": layer.astype("u1")},
        "three_axes": {"x": layer.reshape(2, 2, 3)},
        "none": {},
    }.items():
        put(["read_layer", "safetensors"], f"{name}.safetensors", save(tensors))


def names():
    for name, data in {
        "ordinary": b"\2mi.npy\0entropy.npy\0\1layer.0\0/mi.npy\0/entropy.npy",
        "leading_out": b"\3../x\0/etc/passwd\0..\0.\0\1..\0/../../x\0C:\\x\0NUL\0com1.npy",
        "one_for_many": "\2A\0a\0A.npy\0a.npy\0x_2.npy\0x.npy\0x.npy\0é\0É".encode(),
        "in_the_way": b"\3other\0\1other\0/x",
        "dropped": b"\1mi.npy\0\1f\0/x",
        "long": b"\2" + b"x" * 250,
        "not_text": b"\2\xff\xfe\0\r\n\x1b[2J\0\xe2\x80\xae",
    }.items():
        put(["output"], name, data)


def activations():
    """Writes settings (binning, bins, zero bin, estimator, kernel, units, neurons, width) and values."""
    random = np.random.default_rng(2210_09404)
    normal = random.normal(size=(60, 4)).astype("f4")
    relu = np.maximum(normal, 0)
    integers = random.integers(-5, 6, size=300, dtype="i1").tobytes()
    for binning in range(10):
        settings = bytes([binning, 10, 0, 0, 4, 0, 4, 0])
        put(["analyze"], f"normal_{binning}", settings + normal.tobytes())
        settings = bytes([binning, 7, 1, 0, binning, 1, 4, 0])
        put(["analyze"], f"relu_{binning}", settings + relu.tobytes())
        settings = bytes([binning, 5, 0, 0, 4, 0, 3, 1])
        put(["analyze"], f"integers_{binning}", settings + integers)
        settings = bytes([binning, 3, 0, binning, 4, 0, 2, 2])
        put(["analyze"], f"hard_{binning}", settings + bytes(range(0, 256, 2)))
    for estimator in range(7):
        settings = bytes([0, 10, 0, estimator, estimator, 0, 4, 0])
        put(["analyze"], f"estimator_{estimator}", settings + relu.tobytes())
    two_bins = bytes([0, 2, 0, 0, 3, 0, 9, 1]) + random.integers(0, 2, 600, "i1").tobytes()
    put(["analyze"], "two_bins", two_bins)


def jobs():
    """Writes a job's text with @@@ as checksum, a zero byte, the kind of the block, the numbers of
    neurons and of parts of digests, the neurons' data, the parts, and the block."""
    known = b"".join(struct.pack("<dI", entropy, 3) for entropy in (1.0, 0.75, 0.5))
    pairs = struct.pack("<IId", 0, 1, 0.5) + struct.pack("<IId", 1, 2, 0.25)
    matrix = struct.pack("<9d", 1.0, 0.5, 0.0, 0.5, 0.75, 0.25, 0.0, 0.25, 0.5)
    part = struct.pack("<IQQQ", 0, 6, 1 << 63, 12345)
    for name, selection, kind, block in [
        ("at_least", "at-least 0.1", 1, pairs),
        ("strongest", "strongest 2", 1, pairs),
        ("discoveries", "false-discovery-rate 0.05", 1, pairs),
        ("matrix", "all", 2, matrix),
        ("passed_over", "at-least 2.0", 0, b""),
    ]:
        text = {
            "format": "cofire job",
            "format_version": 2,
            "cofire": "0.1.0",
            "settings": [["--bins", "10"]],
            "selection": selection,
            "estimator": "plug-in",
            "units": "nats",
            "samples": 40,
            "neurons": 3,
            "block_edge": 2048,
            "fingerprint": "0123456789abcdef0123456789abcdef",
            "neurons_checksum": "@@@",
        }
        text = json.dumps(text, indent=2, sort_keys=True).encode() + b"\n"
        parts = part if kind > 0 else b""
        put(["job"], name, text + b"\0" + bytes([kind, 3, kind > 0]) + known + parts + block)


shutil.rmtree(SEEDS, ignore_errors=True)
files()
names()
activations()
jobs()

"""Writes the handwritten digits in this directory, in the file format of MNIST.

    pip install scikit-learn==1.9.1
    python make_digits.py

scikit-learn ships the 1,797 digits of the test half of the UCI data set; README.md names
their authors. Each value counts the inked pixels in a block of 4 x 4 of a scanned bitmap: 0 to 16.
"""

import gzip
import pathlib
import struct

import sklearn.datasets


def write_idx(name, array):
    """Writes a compressed IDX file of unsigned bytes. No time stamp, so the file is always the same."""
    header = struct.pack(">HBB", 0, 0x08, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path = pathlib.Path(__file__).parent / name
    path.write_bytes(gzip.compress(header + array.astype("u1").tobytes(), mtime=0))


digits = sklearn.datasets.load_digits()
write_idx("digits-images-idx3-ubyte.gz", digits.images)
write_idx("digits-labels-idx1-ubyte.gz", digits.target)

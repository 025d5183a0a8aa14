"""Writes the handwritten digits of this directory, in the file format of MNIST.

    pip install scikit-learn==1.9.1
    python make_digits.py

scikit-learn ships the 1,797 digits of the test half of the UCI data set; see README.md for whose they
are. Pixels count the inked ones among 4 x 4 of a scanned bitmap: 0 to 16.
"""

import gzip
import pathlib
import struct

import sklearn.datasets


def write_idx(name, array):
    """An IDX file of unsigned bytes, compressed; without a time stamp, so that it is always the same."""
    header = struct.pack(">HBB", 0, 0x08, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path = pathlib.Path(__file__).parent / name
    path.write_bytes(gzip.compress(header + array.astype("u1").tobytes(), mtime=0))


digits = sklearn.datasets.load_digits()
write_idx("digits-images-idx3-ubyte.gz", digits.images)
write_idx("digits-labels-idx1-ubyte.gz", digits.target)

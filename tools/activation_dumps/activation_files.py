"""Files of activations that grow batch by batch, so that memory holds one batch at a time.

An interrupted dump leaves a file that readers reject as incomplete.
"""

import json

import numpy


class NpyWriter:
    """A writer of one layer to a .npy file. The number of samples need not be known in advance."""

    def __init__(self, path, dtype="float16"):
        self.file = open(path, "wb")
        self.dtype = numpy.dtype(dtype)
        self.samples, self.neurons = 0, None

    def write(self, rows):
        """Appends an array of samples × neurons."""
        if self.neurons is None:
            self.neurons = rows.shape[-1]
            self.data = self._write_header()
        if rows.ndim != 2 or rows.shape[1] != self.neurons:
            raise ValueError(f"expected samples × {self.neurons}, found shape {rows.shape}")
        with numpy.errstate(over="raise"):  # float16 has only infinity above 65,504
            self.file.write(rows.astype(self.dtype).tobytes())
        self.samples += len(rows)

    def _write_header(self):
        shape = (self.samples, self.neurons)
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        numpy.lib.format.write_array_header_1_0(self.file, header)
        return self.file.tell()

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        with self.file:
            if error is None and self.neurons is not None:
                self.file.seek(0)
                if self._write_header() != self.data:  # numpy leaves room for larger shapes
                    raise RuntimeError("this needs numpy 1.24 or later")


class SafetensorsWriter:
    """A writer of layers to a .safetensors file. `layers` maps names to numbers of neurons.

    All layers have the same number of samples.
    """

    # numpy has no bfloat16, so its 16 bits are passed as integers.
    ELEMENTS = {"F16": numpy.float16, "BF16": numpy.uint16, "F32": numpy.float32}

    def __init__(self, path, samples, layers, dtype="F16"):
        self.element = numpy.dtype(self.ELEMENTS[dtype])
        self.samples, self.written = samples, dict.fromkeys(layers, 0)
        header, self.offsets, end = {}, {}, 0
        for name, neurons in layers.items():
            start, end = end, end + samples * neurons * self.element.itemsize
            header[name] = {
                "dtype": dtype,
                "shape": [samples, neurons],
                "data_offsets": [start, end],
            }
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)  # some readers need aligned arrays
        self.header = len(text).to_bytes(8, "little") + text
        for name, entry in header.items():
            self.offsets[name] = len(self.header) + entry["data_offsets"][0]
        self.layers = dict(layers)
        self.file = open(path, "wb")

    def write(self, name, rows):
        """Appends an array of samples × neurons to a layer."""
        neurons, end = self.layers[name], self.written[name] + len(rows)
        if rows.ndim != 2 or rows.shape[1] != neurons or end > self.samples:
            raise ValueError(
                f"{name}: {self.samples} × {neurons} announced, found {rows.shape} more"
            )
        if rows.dtype != self.element:
            raise ValueError(f"{name}: expected {self.element}, found {rows.dtype}")
        self.file.seek(self.offsets[name] + self.written[name] * neurons * self.element.itemsize)
        self.file.write(rows.tobytes())
        self.written[name] = end

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        with self.file:
            if error is None:
                for name, written in self.written.items():
                    if written != self.samples:
                        raise ValueError(
                            f"{name}: {self.samples} samples announced, {written} came"
                        )
                self.file.seek(0)
                self.file.write(self.header)

"""A model of next to nothing: loaded and run before anybody waits, it has a library do what it does only once."""

import numpy as np

MODEL = (
    b'\x08\x08:S\n\x11\n\x01x\n\x01w\x12\x01y"\x06MatMul\x12\x01g*\x0f\x08\x01\x08\x01\x10\x01B\x01wJ\x04\x00\x00\x80?'
    b"Z\x14\n\x01x\x12\x0f\n\r\x08\x01\x12\t\n\x03\x12\x01n\n\x02\x08\x01"
    b"b\x14\n\x01y\x12\x0f\n\r\x08\x01\x12\t\n\x03\x12\x01n\n\x02\x08\x01B\x04\n\x00\x10\x11"
)
"""An ONNX file: rows of one number, x, are multiplied by one weight, 1, and are y."""

INPUTS = {"x": np.ones((2, 1), np.float32)}

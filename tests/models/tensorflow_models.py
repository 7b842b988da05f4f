"""y = 2 x as TensorFlow writes it, a frozen graph and a SavedModel, made field by field: TensorFlow is not needed."""

from pathlib import Path

import numpy as np

FLOAT = 1  # DataType
FREE_BY_4 = (-1, 4)


def frozen_graph(path: Path) -> Path:
    """Write a GraphDef: x FP32 [-1, 4] -> y."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_graph())
    return path


def saved_model(folder: Path) -> Path:
    """Write a SavedModel whose serving signature calls the tensors `pixels` and `doubled`."""
    folder.mkdir(parents=True)
    inputs = _entry(1, b"pixels", _tensor("x:0"))
    outputs = _entry(2, b"doubled", _tensor("y:0"))
    signature = inputs + outputs + _message(3, b"tensorflow/serving/predict")
    meta = _message(1, _message(4, b"serve")) + _message(2, _graph()) + _entry(5, b"serving_default", signature)
    (folder / "saved_model.pb").write_bytes(_number(1, 1) + _message(2, meta))
    return folder


def _graph() -> bytes:
    two = _number(1, FLOAT) + _message(2, b"") + _message(4, np.float32(2).tobytes())
    floats = _number(6, FLOAT)
    nodes = (
        _node("x", "Placeholder", dtype=floats, shape=_message(7, _shape(FREE_BY_4))),
        _node("two", "Const", dtype=floats, value=_message(8, two)),
        _node("y", "Mul", "x", "two", T=floats),
    )
    return b"".join(_message(1, node) for node in nodes)


def _node(name: str, operator: str, *inputs: str, **attributes: bytes) -> bytes:
    sources = b"".join(_message(3, source.encode()) for source in inputs)
    said = b"".join(_entry(5, key.encode(), value) for key, value in attributes.items())
    return _message(1, name.encode()) + _message(2, operator.encode()) + sources + said


def _tensor(name: str) -> bytes:
    return _message(1, name.encode()) + _number(2, FLOAT) + _message(3, _shape(FREE_BY_4))


def _shape(sizes: tuple[int, ...]) -> bytes:
    return b"".join(_message(2, _number(1, size)) for size in sizes)


def _entry(field: int, key: bytes, value: bytes) -> bytes:
    """An entry of a map."""
    return _message(field, _message(1, key) + _message(2, value))


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value % (1 << 64))


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])

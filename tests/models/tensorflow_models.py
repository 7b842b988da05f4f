"""y = 2 x as TensorFlow writes it, a frozen graph and a SavedModel, made field by field: TensorFlow is not needed."""

from pathlib import Path

import numpy as np

from tests.models.protobuf import entry, message, number

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
    inputs = entry(1, b"pixels", _tensor("x:0"))
    outputs = entry(2, b"doubled", _tensor("y:0"))
    signature = inputs + outputs + message(3, b"tensorflow/serving/predict")
    meta = message(1, message(4, b"serve")) + message(2, _graph()) + entry(5, b"serving_default", signature)
    (folder / "saved_model.pb").write_bytes(number(1, 1) + message(2, meta))
    return folder


def _graph() -> bytes:
    two = number(1, FLOAT) + message(2, b"") + message(4, np.float32(2).tobytes())
    floats = number(6, FLOAT)
    nodes = (
        _node("x", "Placeholder", dtype=floats, shape=message(7, _shape(FREE_BY_4))),
        _node("two", "Const", dtype=floats, value=message(8, two)),
        _node("y", "Mul", "x", "two", T=floats),
    )
    return b"".join(message(1, node) for node in nodes)


def _node(name: str, operator: str, *inputs: str, **attributes: bytes) -> bytes:
    sources = b"".join(message(3, source.encode()) for source in inputs)
    said = b"".join(entry(5, key.encode(), value) for key, value in attributes.items())
    return message(1, name.encode()) + message(2, operator.encode()) + sources + said


def _tensor(name: str) -> bytes:
    return message(1, name.encode()) + number(2, FLOAT) + message(3, _shape(FREE_BY_4))


def _shape(sizes: tuple[int, ...]) -> bytes:
    return b"".join(message(2, number(1, size)) for size in sizes)

"""y = x + x as TensorFlow Lite writes it, made table by table: TensorFlow is not needed."""

from pathlib import Path

from tests.models.flatbuffer import Table, flatbuffer

ADD, ADD_OPTIONS = 0, 11  # BuiltinOperator, BuiltinOptions
FLOAT32 = 0  # TensorType


def tflite(path: Path) -> Path:
    """Write a Model of one subgraph: x FP32 [-1, 4] -> y."""
    path.parent.mkdir(parents=True, exist_ok=True)
    operator = Table({0: 0, 1: [0, 0], 2: [1], 3: ADD_OPTIONS, 4: Table({})})
    subgraph = Table({0: [_tensor("x"), _tensor("y")], 1: [0], 2: [1], 3: [operator], 4: "main"})
    code = Table({0: ADD, 2: 1, 3: ADD})
    path.write_bytes(flatbuffer(Table({0: 3, 1: [code], 2: [subgraph], 3: "double", 4: [Table({})]}), b"TFL3"))
    return path


def _tensor(name: str) -> Table:
    """The shape that it was traced with, and the one that it may have."""
    return Table({0: [1, 4], 1: FLOAT32, 2: 0, 3: name, 7: [-1, 4]})

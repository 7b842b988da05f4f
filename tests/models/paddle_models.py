"""y = 2 x as Paddle writes it, made field by field: Paddle is not needed."""

from pathlib import Path

from tests.models.protobuf import message, number, real

FP32, LOD_TENSOR, FEED_MINIBATCH, FETCH_LIST = 5, 7, 9, 10  # VarType.Type
INT, FLOAT, BOOLEAN = 0, 1, 6  # AttrType


def pdmodel(path: Path) -> Path:
    """Write a ProgramDesc of one block: x FP32 [-1, 4] -> y."""
    path.parent.mkdir(parents=True, exist_ok=True)
    variables = (
        _variable("feed", number(1, FEED_MINIBATCH)),
        _variable("fetch", number(1, FETCH_LIST)),
        _variable("x", _tensor(-1, 4)),
        _variable("y", _tensor(-1, 4)),
    )
    column = _attribute("col", INT, number(3, 0))
    double = (
        _attribute("scale", FLOAT, real(4, 2)),
        _attribute("bias", FLOAT, real(4, 0)),
        _attribute("bias_after_scale", BOOLEAN, number(10, 1)),
    )
    operators = (
        _operator("feed", ("X", "feed"), ("Out", "x"), column),
        _operator("scale", ("X", "x"), ("Out", "y"), *double),
        _operator("fetch", ("X", "y"), ("Out", "fetch"), column),
    )
    block = number(1, 0) + number(2, -1)
    block += b"".join(message(3, variable) for variable in variables)
    block += b"".join(message(4, operator) for operator in operators)
    path.write_bytes(message(1, block))
    return path


def _variable(name: str, kind: bytes) -> bytes:
    return message(1, name.encode()) + message(2, kind)


def _tensor(*sizes: int) -> bytes:
    description = number(1, FP32) + b"".join(number(2, size) for size in sizes)
    return number(1, LOD_TENSOR) + message(3, message(1, description))


def _operator(name: str, given: tuple[str, str], made: tuple[str, str], *attributes: bytes) -> bytes:
    said = b"".join(message(4, attribute) for attribute in attributes)
    return message(1, _slot(*given)) + message(2, _slot(*made)) + message(3, name.encode()) + said


def _slot(parameter: str, variable: str) -> bytes:
    return message(1, parameter.encode()) + message(2, variable.encode())


def _attribute(name: str, kind: int, value: bytes) -> bytes:
    return message(1, name.encode()) + number(2, kind) + value

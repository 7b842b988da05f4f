"""How large the tables are in which a model looks up what it is given: OpenVINO reads past their end without a word."""

from typing import Any

_SAME_NUMBERS = {"Convert", "Reshape", "Squeeze", "Unsqueeze"}


def tables(model: Any) -> dict[str, int]:
    """Name of an input -> rows of the smallest table of the file that its numbers, as they are given, are places in."""
    found: dict[str, int] = {}
    for operation in model.get_ordered_ops():
        if operation.get_type_name() != "Gather":
            continue
        rows = operation.input_value(0).get_partial_shape()[0]
        name = _given(operation.input_value(1).get_node())
        if name and rows.is_static and _is_first_axis(operation.input_value(2).get_node()):
            found[name] = min(found.get(name, rows.get_length()), rows.get_length())
    return found


def _given(operation: Any) -> str:
    """The input whose numbers these are; empty where they are others."""
    while operation.get_type_name() in _SAME_NUMBERS:
        operation = operation.input_value(0).get_node()
    return str(operation.output(0).get_any_name()) if operation.get_type_name() == "Parameter" else ""


def _is_first_axis(operation: Any) -> bool:
    return operation.get_type_name() == "Constant" and not operation.data.any()

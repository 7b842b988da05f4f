"""What a model's answer says of each row: a class by its label, or the value that it is."""

import math
from collections.abc import Mapping

from headrace.drift.extract import Extract, Rows
from headrace.drift.features import Part, Plan
from headrace.types import Signature

Prediction = str | float | int


class Predictions:
    """Of the rows of many requests, by row number."""

    def __init__(self, column: list[float], names: Mapping[int, str], kind: str) -> None:
        self._column, self._names = column, names
        self.kind = kind  # class or number

    def of(self, start: int, count: int) -> tuple[Prediction, ...]:
        """What was answered to some rows."""
        return tuple(self._one(value) for value in self._column[start : start + count])

    def _one(self, value: float) -> Prediction:
        if self.kind == "number" or math.isnan(value):
            return value
        return self._names.get(int(value), int(value))


def predictions(
    plan: Plan, outputs: Rows, signature: Signature, extracts: Mapping[Part, Extract]
) -> Predictions | None:
    """By the first output that has classes, texts or single numbers; None where none has."""
    names = plan.names("outputs")
    labels = {spec.name: spec.labels for spec in signature.outputs}
    for part in plan.outputs:
        wanted = f"{part.tensor}.class" if part.kind == "classes" else f"{part.tensor}.value"
        if wanted in names and part.kind in ("classes", "text"):
            column = outputs[:, names.index(wanted)].tolist()
            if part.kind == "classes":
                return Predictions(column, dict(enumerate(labels.get(part.tensor, ()))), "class")
            texts = {number: text.decode(errors="replace") for text, number in extracts[part].values.items()}
            return Predictions(column, texts, "class")
    for part in plan.outputs:
        if part.kind == "positions" and len(part.names) == 1:
            column = outputs[:, names.index(part.names[0])].tolist()
            integers = part.datatype.startswith(("INT", "UINT", "BOOL"))
            return Predictions(column, {}, "class" if integers else "number")
    return None

"""A model's drift, driven by rows of numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from headrace.arrays import from_array
from headrace.drift.extract import Rows
from headrace.drift.features import SideName
from headrace.drift.feedback import Feedback
from headrace.drift.model_drift import ModelDrift, Watched
from headrace.drift.version_drift import VersionDrift
from headrace.observe_settings import Drift
from headrace.records import DriftEvent, SampleRecord
from headrace.types import BatchAxis, DriftChoices, ModelVersion, Signature, Tensor, TensorSpec

STEP_NS = 10_000_000  # from one request to the next


def signature(
    inputs: Sequence[TensorSpec] = (TensorSpec("X", "FP32", (-1, 4)),),
    outputs: Sequence[TensorSpec] = (TensorSpec("Y", "FP32", (-1, 1)),),
    *,
    batched: bool = True,
) -> Signature:
    return Signature(tuple(inputs), tuple(outputs), BatchAxis(batched), "fake", "fake")


def sample(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor] = (), *, version: int = 1, at_ns: int = 0, id_: str = ""
) -> SampleRecord:
    return SampleRecord(ModelVersion("m", version), id_, "", tuple(inputs), tuple(outputs), at_ns, None)


def numbers(of: VersionDrift, records: Sequence[SampleRecord]) -> tuple[dict[SideName, Rows], list[int]]:
    """Made without a pause."""
    steps = of.numbers(records)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("tuple[dict[SideName, Rows], list[int]]", end.value)


class Driven:
    """One model of four inputs and one output, unless it is said otherwise."""

    def __init__(
        self,
        settings: Drift = Drift(),  # noqa: B008 a value
        sign: Signature | None = None,
        folder: Path | None = None,
        **choices: Any,
    ) -> None:
        self.model = ModelDrift("m", settings, 0, folder)
        self.feedback = Feedback(0)
        self.events: list[DriftEvent] = []
        self.watched = Watched(sign or signature(), DriftChoices(**choices))
        self._now_ns = 0

    def feed(self, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any] | None = None, version: int = 1) -> "Driven":
        """Requests of one row each."""
        outputs = np.zeros((len(x), 1)) if y is None else y
        records = []
        for one, other in zip(x.astype(np.float32), outputs.astype(np.float32), strict=True):
            self._now_ns += STEP_NS
            pair = (from_array("X", one[None]),), (from_array("Y", other[None]),)
            records.append(sample(*pair, version=version, at_ns=self._now_ns, id_=str(self._now_ns // STEP_NS)))
        self.send(records)
        return self

    def send(self, records: Sequence[SampleRecord]) -> None:
        for start in range(0, len(records), 64):
            lot = records[start : start + 64]
            version = lot[0].model.version
            self._done(self.model.add(version, self.watched, lot, self.feedback))

    def rises(self, side: str = "") -> list[str]:
        """The features whose alarms began, in order."""
        return [each.feature for each in self.events if each.state == "alarm" and side in ("", each.side)]

    def _done(self, steps: Iterator[Any]) -> None:
        for step in steps:
            if isinstance(step, DriftEvent):
                self.events.append(step)
            elif step is not None:
                step()

"""What the right answers were: labels that come later, joined with the answers that were given."""

import math
import sys
from collections import OrderedDict, deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import msgspec

from headrace.drift.predictions import Prediction, Predictions
from headrace.errors import InvalidRequest, NotFound
from headrace.records import SampleRecord
from headrace.types import ModelVersion

KEPT = 10_000
"""Requests whose answers are remembered."""

MAX_ROWS = 1024
"""Of one request, whose answers are remembered."""

MINUTES = 1440
"""That are told apart of each version."""

MOST_ROWS = 100_000
"""Of all requests together, whose answers are remembered."""

MAX_NUMBER = 1e300
"""That a label may be: what differs by more is beyond what a float can be."""

VERSIONS = 1000


_MOST = Fraction(sys.float_info.max)


class Answered(msgspec.Struct):
    """What one request was answered, and what was said of it."""

    model: ModelVersion
    kind: str  # class, number
    predictions: tuple[Prediction, ...]
    finished_ns: int
    labels: tuple[Prediction, ...] = ()


class Minute(msgspec.Struct):
    """The answers of one minute that labels came for."""

    time: int  # Unix time of its begin
    rows: int = 0
    right: int = 0
    error: Fraction = Fraction(0)  # summed, of numbers: exactly, so that a label that is taken back leaves nothing

    def mean_error(self) -> float | None:
        """None where nothing is counted."""
        return float(min(self.error / self.rows, _MOST)) if self.rows else None


class Judged(msgspec.Struct, frozen=True):
    """What a label says of an answer."""

    model: str
    version: str
    rows: int
    right: int | None  # None where answers are numbers
    mean_error: float | None
    outcome: Literal["counted", "again", "replaced"]


class Feedback:
    """Remembers answers, and counts how many were right."""

    def __init__(self, epoch_ns: int) -> None:
        """`epoch_ns` is the Unix time at which the records' clock was zero."""
        self.unknown = 0  # labels for requests that are not remembered
        self._epoch_ns = epoch_ns
        self._answers: OrderedDict[str, Answered] = OrderedDict()
        self._rows = 0  # of those
        self._minutes: OrderedDict[ModelVersion, deque[Minute]] = OrderedDict()

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._answers

    def keep(self, records: Sequence[SampleRecord], counts: Sequence[int], found: Predictions | None) -> None:
        """Remember what requests were answered, those that have an id; a later one of the same id takes its place."""
        if found is None:
            return
        answers, at = self._answers, 0
        for record, count in zip(records, counts, strict=True):
            if record.id and count <= MAX_ROWS:
                kept = Answered(record.model, found.kind, found.of(at, count), record.finished_ns)
                if (before := answers.pop(record.id, None)) is not None:
                    self._rows -= len(before.predictions)
                answers[record.id] = kept
                self._rows += count
            at += count
        while len(answers) > KEPT or self._rows > MOST_ROWS:
            _, oldest = answers.popitem(last=False)
            self._rows -= len(oldest.predictions)

    def judge(self, request_id: str, labels: Sequence[Prediction]) -> Judged:
        """Count what a label says. The same label again changes nothing, another one takes its place.

        Raises NotFound where the request is not remembered, and InvalidRequest where its rows are other than labels.
        """
        answered = self._answers.get(request_id)
        if answered is None:
            self.unknown += 1
            raise NotFound(
                f"no answer is remembered of request {request_id[:128]!r}: the last {KEPT} that were looked at are, "
                "of models whose answers are classes, texts or single numbers"
            )
        if len(labels) != len(answered.predictions):
            rows = len(answered.predictions)
            raise InvalidRequest(f"has {len(labels)} labels for a request of {rows} rows; give one for each", "label")
        self._check(answered, labels)
        said = tuple(labels)
        outcome: Literal["counted", "again", "replaced"] = "counted"
        if answered.labels:
            outcome = "again" if answered.labels == said else "replaced"
        if outcome == "replaced":
            self._count(answered, answered.labels, -1)
        if outcome != "again":
            self._count(answered, said, 1)
            answered.labels = said
        return _judged(answered, said, outcome)

    def minutes(self, model: ModelVersion) -> list[Minute]:
        """How right a version was, a minute each, the oldest first."""
        return list(self._minutes.get(model, ()))

    def _check(self, answered: Answered, labels: Sequence[Prediction]) -> None:
        if any(isinstance(label, int) and label.bit_length() > 64 for label in labels):
            raise InvalidRequest("is an integer of more than 64 bits, which no model answers", "label")
        if answered.kind == "number":
            for label in labels:
                if isinstance(label, str) or not abs(label) <= MAX_NUMBER:
                    numbers = f"number from -{MAX_NUMBER:g} to {MAX_NUMBER:g}"
                    raise InvalidRequest(f"{str(label)[:80]!r} is no {numbers}, as this model answers", "label")
            for row, given in enumerate(answered.predictions):
                if not math.isfinite(float(given)):
                    raise InvalidRequest(f"row {row} was answered {given}, which no label can be compared with", "id")

    def _count(self, answered: Answered, labels: Sequence[Prediction], sign: int) -> None:
        minutes = self._minutes.setdefault(answered.model, deque(maxlen=MINUTES))
        self._minutes.move_to_end(answered.model)
        if len(self._minutes) > VERSIONS:
            self._minutes.popitem(last=False)
        begin = int((self._epoch_ns + answered.finished_ns) / 60e9) * 60
        minute = next((each for each in reversed(minutes) if each.time == begin), None)
        if minute is None:
            minute = Minute(begin)
            minutes.append(minute)
            if len(minutes) > 1 and minutes[-2].time > begin:  # a late label: of a minute that is past
                ordered = sorted(minutes, key=lambda each: each.time)
                minutes.clear()
                minutes.extend(ordered)
        minute.rows += sign * len(labels)
        minute.right += sign * _right(answered, labels)
        minute.error += sign * _error(answered, labels)


def _right(answered: Answered, labels: Sequence[Prediction]) -> int:
    if answered.kind == "number":
        return 0
    return sum(_same(one, other) for one, other in zip(answered.predictions, labels, strict=True))


def _same(prediction: Prediction, label: Prediction) -> bool:
    return prediction == label or str(prediction) == str(label)


def _error(answered: Answered, labels: Sequence[Prediction]) -> Fraction:
    if answered.kind != "number":
        return Fraction(0)
    pairs = zip(answered.predictions, labels, strict=True)
    return sum((abs(Fraction(float(one)) - Fraction(float(other))) for one, other in pairs), Fraction(0))


def _judged(
    answered: Answered, labels: Sequence[Prediction], outcome: Literal["counted", "again", "replaced"]
) -> Judged:
    numbers = answered.kind == "number"
    return Judged(
        answered.model.name,
        str(answered.model.version),
        len(labels),
        None if numbers else _right(answered, labels),
        float(min(_error(answered, labels) / len(labels), _MOST)) if numbers and labels else None,
        outcome,
    )

"""What an answer says of each row."""

from typing import Any

import numpy as np

from headrace.arrays import from_array
from headrace.drift.extract import Extract
from headrace.drift.features import plan
from headrace.drift.predictions import Predictions, predictions
from headrace.drift.version_drift import VersionDrift
from headrace.types import Signature, TensorSpec
from tests.drift.driven import numbers, sample, signature


def predicted(spec: TensorSpec, array: np.ndarray[Any, Any]) -> Predictions | None:
    sign: Signature = signature((), [spec])
    made = plan(sign, 128)
    extracts = {part: Extract(part) for part in made.outputs}
    of = VersionDrift(made, extracts, 100, 200, 0.001)
    rows, _ = numbers(of, [sample([], [from_array(spec.name, array)])])
    return predictions(made, rows["outputs"], sign, extracts)


def test_a_class_is_told_by_its_label_or_its_number() -> None:
    scores = np.array([[0.1, 0.9]], np.float32)
    labelled = predicted(TensorSpec("Y", "FP32", (-1, 2), labels=("cat", "dog")), scores)
    plain = predicted(TensorSpec("logits", "FP32", (-1, 2)), scores)
    assert labelled
    assert plain
    assert (labelled.of(0, 1), plain.of(0, 1)) == (("dog",), (1,))


def test_a_text_and_an_integer_are_classes_and_another_number_is_a_number() -> None:
    text = predicted(TensorSpec("T", "BYTES", (-1, 1)), np.array([[b"yes"]], object))
    integer = predicted(TensorSpec("Y", "INT64", (-1,)), np.array([4]))
    number = predicted(TensorSpec("Y", "FP32", (-1, 1)), np.array([[0.5]], np.float32))
    assert text
    assert integer
    assert number
    assert (text.of(0, 1), text.kind) == (("yes",), "class")
    assert (integer.of(0, 1), integer.kind) == ((4,), "class")
    assert (number.of(0, 1), number.kind) == ((0.5,), "number")


def test_an_embedding_is_none() -> None:
    assert predicted(TensorSpec("E", "FP32", (-1, 384)), np.zeros((1, 384), np.float32)) is None

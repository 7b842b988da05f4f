"""Requests of one version become rows of its two sides."""

import numpy as np

from headrace.arrays import from_array
from headrace.drift.extract import Extract
from headrace.drift.features import plan
from headrace.drift.version_drift import VersionDrift
from headrace.types import Signature, TensorSpec
from tests.drift.driven import numbers, sample, signature


def drift(sign: Signature) -> VersionDrift:
    made = plan(sign, 128)
    return VersionDrift(made, {part: Extract(part) for part in (*made.inputs, *made.outputs)}, 100, 200, 0.001)


def test_rows_of_a_batched_model_are_those_of_its_first_dimension() -> None:
    of = drift(signature())
    x, y = from_array("X", np.ones((3, 4), np.float32)), from_array("Y", np.ones((3, 1), np.float32))
    rows, counts = numbers(of, [sample([x], [y]), sample([x], [y])])
    assert counts == [3, 3]
    assert (rows["inputs"].shape, rows["outputs"].shape) == ((6, 4), (6, 1))


def test_a_request_of_a_model_that_is_not_batched_is_one_row() -> None:
    of = drift(signature([TensorSpec("X", "FP32", (4,))], [TensorSpec("Y", "FP32", (1,))], batched=False))
    x, y = from_array("X", np.ones(4, np.float32)), from_array("Y", np.ones(1, np.float32))
    rows, counts = numbers(of, [sample([x], [y])])
    assert (counts, rows["inputs"].shape) == ([1], (1, 4))


def test_an_input_that_a_request_leaves_out_is_missing() -> None:
    specs = [TensorSpec("X", "FP32", (-1, 1)), TensorSpec("Z", "FP32", (-1, 1), optional=True)]
    of = drift(signature(specs, ()))
    x, z = (from_array(name, np.ones((1, 1), np.float32)) for name in "XZ")
    rows, _ = numbers(of, [sample([x]), sample([z, x])])
    assert np.isnan(rows["inputs"]).tolist() == [[False, True], [False, False]]


def test_score_and_entropy_are_watched_as_they_come() -> None:
    of = drift(signature((), [TensorSpec("logits", "FP32", (-1, 2))]))
    random = np.random.default_rng(1)
    for sure in (0.2, 3.0):
        for _ in range(40):
            logits = random.standard_normal((100, 2)).astype(np.float32) * sure
            rows, _ = numbers(of, [sample([], [from_array("logits", logits[i : i + 1])]) for i in range(100)])
            found = [each for each in of.add(rows, range(100)) if each]
            if found:
                break
    assert {change.crossing.score.feature for _, change in found} >= {"logits.score"}
    assert {change.crossing.score.test for _, change in found} <= {"adwin", "page_hinkley"}


def test_rows_are_collected_until_there_is_a_reference() -> None:
    of = drift(signature())
    made = [each for each in of.collect("inputs", np.random.default_rng(1).standard_normal((250, 4))) if each]
    assert [each.rows for each in made] == [200]
    assert of.collecting["inputs"] is None
    assert list(of.collect("inputs", np.zeros((1, 4)))) == []

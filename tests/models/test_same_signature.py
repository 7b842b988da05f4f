"""A variant stands in for its model only where clients see no difference."""

import pytest

from headrace.models.same_signature import differences
from headrace.types import FREE, BatchAxis, Signature, TensorSpec

IDS, VECTOR = TensorSpec("ids", "INT64", (FREE, FREE)), TensorSpec("vector", "FP32", (FREE, 384))


def signature(inputs: tuple[TensorSpec, ...] = (IDS,), outputs: tuple[TensorSpec, ...] = (VECTOR,)) -> Signature:
    return Signature(inputs, outputs, BatchAxis(True, 8), "fake", "fake 1")


@pytest.mark.parametrize(
    "variant",
    [
        signature(),
        signature(outputs=(VECTOR, TensorSpec("more", "FP32", (FREE,)))),
        signature(outputs=(TensorSpec("vector", "FP32", (FREE, FREE)),)),
        signature(inputs=(IDS, TensorSpec("more", "FP32", (FREE,), optional=True))),
    ],
)
def test_one_that_takes_all_that_the_model_takes_and_gives_the_same_is_like_it(variant: Signature) -> None:
    assert differences(signature(), variant) == ()


@pytest.mark.parametrize(
    ("variant", "difference"),
    [
        (
            signature(inputs=(TensorSpec("tokens", "INT64", (FREE, FREE)),)),
            "it has no input 'ids'; it has 'tokens' · it asks for an input 'tokens', which the model has not",
        ),
        (signature(inputs=(TensorSpec("ids", "INT32", (FREE, FREE)),)), "input 'ids' is INT32, the model's INT64"),
        (signature(inputs=(TensorSpec("ids", "INT64", (FREE, 64)),)), "input 'ids' is [?, 64], the model's [?, ?]"),
        (signature(outputs=()), "it has no output 'vector'; it has none"),
        (
            signature(outputs=(TensorSpec("vector", "FP32", (FREE, 96)),)),
            "output 'vector' is [?, 96], the model's [?, 384]",
        ),
        (signature(outputs=(TensorSpec("vector", "FP32", (FREE,)),)), "output 'vector' is [?], the model's [?, 384]"),
    ],
)
def test_what_a_client_would_run_into_is_told(variant: Signature, difference: str) -> None:
    assert " · ".join(differences(signature(), variant)) == difference

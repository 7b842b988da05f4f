"""Whatever a request asks for, it is told by the variants that may answer it."""

from pathlib import Path

import pytest

from headrace.caching.may_answer import may_answer
from headrace.types import Context, Variant

VARIANTS = [
    Variant(name, Path(name), "onnx", accuracy) for name, accuracy in (("own", 1), ("int8", 0.9), ("tiny", 0.5))
]


@pytest.mark.parametrize(
    ("variant", "min_accuracy", "names"),
    [
        ("", 0.0, None),
        ("", 0.5, None),
        ("", 0.6, ("own", "int8")),
        ("", 1.0, ("own",)),
        ("own", 0.0, ("own",)),
        ("own", 0.9, ("own",)),
        ("tiny", 0.0, ("tiny",)),
    ],
)
def test_a_name_and_an_accuracy_say_which_may(variant: str, min_accuracy: float, names: tuple[str, ...] | None) -> None:
    context = Context(1, "http", min_accuracy=min_accuracy, variant=variant)
    assert may_answer(context, VARIANTS) == names


def test_a_model_without_variants_answers_whatever_accuracy_is_asked_for() -> None:
    assert may_answer(Context(1, "http", min_accuracy=0.9), ()) is None

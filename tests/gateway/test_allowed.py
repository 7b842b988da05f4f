"""A variant that is not there, or none that is accurate enough, is a client's fault."""

from pathlib import Path

import pytest

from headrace.errors import InvalidRequest
from headrace.gateway.allowed import check_allowed
from headrace.types import Context, ModelVersion, Variant

VERSION = ModelVersion("m", 1)
VARIANTS = (Variant("fp32", Path("a"), "onnx", 0.999), Variant("int8", Path("b"), "onnx", 0.99))


@pytest.mark.parametrize(
    ("variant", "min_accuracy"), [("", 0.0), ("", 0.999), ("int8", 0.0), ("int8", 0.99), ("fp32", 0.995)]
)
def test_what_some_variant_can_do_is_allowed(variant: str, min_accuracy: float) -> None:
    check_allowed(Context(0, variant=variant, min_accuracy=min_accuracy), VERSION, VARIANTS)


def test_a_model_without_variants_is_accurate() -> None:
    check_allowed(Context(0, min_accuracy=1.0), VERSION, ())


@pytest.mark.parametrize(
    ("context", "variants", "reason"),
    [
        (Context(0, variant="int4"), VARIANTS, "x-variant: m/1 has no variant 'int4'; there are fp32, int8"),
        (Context(0, variant="int4"), (), "x-variant: m/1 has no variants; leave it out"),
        (
            Context(0, min_accuracy=1.0),
            VARIANTS,
            "x-min-accuracy: 1 is more than any variant of m/1 has; the best is 'fp32' with 0.999",
        ),
        (
            Context(0, variant="int8", min_accuracy=0.995),
            VARIANTS,
            "x-variant: 'int8' has an accuracy of 0.99, and x-min-accuracy asks for 0.995; send one of them",
        ),
    ],
)
def test_what_none_can_do_is_refused_with_what_there_is(
    context: Context, variants: tuple[Variant, ...], reason: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_allowed(context, VERSION, variants)
    assert str(refusal.value) == reason

"""Which variants of a model may answer a request. Pure."""

from collections.abc import Sequence

from headrace.types import Context, Variant


def may_answer(context: Context, variants: Sequence[Variant]) -> tuple[str, ...] | None:
    """Their names, in the model's order; None where all may, or the model has none."""
    if not (context.variant or context.min_accuracy):
        return None
    names = tuple([each.name for each in variants if _may(each, context)])
    return None if len(names) == len(variants) else names


def _may(variant: Variant, context: Context) -> bool:
    return context.variant in ("", variant.name) and variant.accuracy >= context.min_accuracy

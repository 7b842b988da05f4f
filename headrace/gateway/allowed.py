"""Whether a model has what a request asks for: a variant by name, or one that is accurate enough. Pure."""

from collections.abc import Sequence

from headrace.errors import InvalidRequest
from headrace.types import Context, ModelVersion, Variant


def check_allowed(context: Context, version: ModelVersion, variants: Sequence[Variant]) -> None:
    """Raises InvalidRequest, with what there is, where no variant of the version may answer the request."""
    if context.variant:
        _check_named(context, version, variants)
    elif context.min_accuracy and variants:
        best = max(variants, key=lambda variant: variant.accuracy)
        if best.accuracy < context.min_accuracy:
            raise InvalidRequest(
                f"{context.min_accuracy:g} is more than any variant of {version} has; the best is {best.name!r} with "
                f"{best.accuracy:g}",
                "x-min-accuracy",
            )


def named(name: str, version: ModelVersion, variants: Sequence[Variant], field: str) -> Variant:
    """The variant of that name. Raises InvalidRequest, with what there is, where `field` names none."""
    if not variants:
        raise InvalidRequest(f"{version} has no variants; leave it out", field)
    for variant in variants:
        if variant.name == name:
            return variant
    there = ", ".join(variant.name for variant in variants)
    raise InvalidRequest(f"{version} has no variant {name!r}; there are {there}", field)


def _check_named(context: Context, version: ModelVersion, variants: Sequence[Variant]) -> None:
    found = named(context.variant, version, variants, "x-variant")
    if found.accuracy < context.min_accuracy:
        raise InvalidRequest(
            f"{found.name!r} has an accuracy of {found.accuracy:g}, and x-min-accuracy asks for "
            f"{context.min_accuracy:g}; send one of them",
            "x-variant",
        )

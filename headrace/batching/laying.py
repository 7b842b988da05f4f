"""How a model's threads are to be, and how that is said of it. Pure."""

from typing import NamedTuple

import msgspec

from headrace.types import Manifest

SPINNING = "spinning"


class Laying(NamedTuple):
    """How they are to be, or may be."""

    halved: bool = False  # half as many
    still: bool = False  # they sleep while there is nothing for them to do, also within a run


def may_be(manifest: Manifest, threads: int, *, fixed: bool) -> Laying:
    """What it leaves open, of a model that would have so many; `fixed`: their number is settled."""
    asleep = manifest.runtime != "onnx" or SPINNING in manifest.parameters  # it has no choice, or has chosen
    return Laying(threads > 1 and not fixed, threads > 1 and not manifest.variants and not asleep)


def laid(manifest: Manifest, threads: int, laying: Laying) -> Manifest:
    """As if it said so itself."""
    if laying.halved:
        manifest = msgspec.structs.replace(manifest, threads=threads // 2)
    if laying.still:
        manifest = msgspec.structs.replace(manifest, parameters={**manifest.parameters, SPINNING: "off"})
    return manifest


def spins(manifest: Manifest) -> tuple[str, ...]:
    """What it says of that: runs take longer or shorter by it."""
    return (manifest.parameters[SPINNING],) if SPINNING in manifest.parameters else ()

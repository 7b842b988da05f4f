"""What a weight of a language model takes in memory, by how it is asked to be held. Pure, and light for the server."""

from collections.abc import Mapping

HELD_BYTES: Mapping[str, float] = {
    "auto": 1,
    "f32": 4,
    "bf16": 2,
    "int8": 1,
    "int4": 0.5,
    "tiles32": 4,
    "tiles8": 1,
    "tiles8x8": 1,
    "tiles4": 0.55,
}
"""By a value of `llm.precision`, or of the form that it comes to. Scales of codes are some hundredths more."""

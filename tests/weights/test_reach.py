"""A model reaches as far as is asked for, by the rotation that is good for that."""

import msgspec

from headrace.weights.checkpoint import Rope
from headrace.weights.reach import reaching
from tests.graphs.tiny import golden_checkpoint

SHORT, LONG = Rope((1.0, 0.1)), Rope((0.5, 0.05))
PLAIN = golden_checkpoint("phi3").architecture
FACTS = msgspec.structs.replace(PLAIN, max_context=32, rope=SHORT, long_context=256, long_rope=LONG)


def test_up_to_the_original_context_nothing_changes() -> None:
    assert reaching(FACTS, 0) == reaching(FACTS, 32) == FACTS


def test_beyond_it_all_is_turned_by_the_long_rotation() -> None:
    found = reaching(FACTS, 33)
    assert (found.max_context, found.rope) == (256, LONG)
    assert reaching(found, 1000) == found


def test_a_model_with_one_rotation_keeps_it() -> None:
    assert reaching(PLAIN, 1 << 20) == PLAIN

"""How many tokens a model is to reach -> the rotation that it has for so many.

Models that were made for short texts and stretched later (LongRoPE, arXiv 2402.13753) have two: one up to the context
that they were made for, and one beyond it, by which all is computed anew. Programs that take the second once a text
has grown so long go on beside keys that were turned by the first; here it is one of them for as long as a model serves.
"""

import msgspec

from headrace.weights.checkpoint import Architecture


def reaching(facts: Architecture, asked: int) -> Architecture:
    """The same for `asked` tokens, or for as many as it was made for (0): with its long rotation where its own ends."""
    if facts.long_rope is None or asked <= facts.max_context:
        return facts
    return msgspec.structs.replace(
        facts, rope=facts.long_rope, max_context=facts.long_context, long_rope=None, long_context=0
    )

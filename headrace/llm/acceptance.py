"""Which drafts a sequence keeps after a step that computed them all; exact, whatever made the drafts.

Ordinarily a step chooses a token at every drafted place as if nothing had been drafted, with that place's own random
number, and keeps drafts for as long as they are what was chosen. A draft x is so kept with p(x), and what takes its
place otherwise is distributed as p without x, renormalised: speculative sampling (Leviathan et al. 2023) for a draft
that is certain, with the gain that text is the same with and without speculation, greedy or sampled.

So it is also where a model made the drafts: it chooses them by the random numbers that the places have (see
`draft_model`), and two models that think alike then choose alike.

Drafts that were themselves drawn from a draft model's distribution q are kept more often by `accept_drawn`, which gives
the same distribution of texts, not the same text.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.llm.choosing import Choosing
from headrace.llm.sampler import RowChoice


def rows_to_verify(
    at: int, choosing: Choosing, drafts: Sequence[int], masks: Sequence[NDArray[np.int32] | None] = ()
) -> list[RowChoice]:
    """What to sample for K drafts: the K + 1 rows of logits that begin with row `at`.

    `masks` are a grammar's for these rows, or none at all. Where the grammar refuses a draft, drafts end before it.
    """
    ahead = tuple(drafts)
    return [
        RowChoice(at + place, choosing, ahead[:place], masks[place] if masks else None)
        for place in range(len(ahead) + 1)
    ]


def kept(drafts: Sequence[int], chosen: Sequence[int]) -> int:
    """How many of K drafts stand, given what was chosen at K + 1 rows. The sequence gains `chosen[: kept + 1]`."""
    for place, draft in enumerate(drafts):
        if chosen[place] != draft:
            return place
    return len(drafts)


def accept_drawn(
    p: NDArray[np.float64],
    q: NDArray[np.float64],
    drafts: Sequence[int],
    uniform: Callable[[int], float],
) -> list[int]:
    """The tokens gained by K drafts, draft i drawn from q[i]: those kept, and one more.

    p [K + 1, V] are the model's distributions, q [K, V] the draft model's. `uniform` gives the n-th random number, of a
    stream that the drafts were not drawn with.
    """
    gained: list[int] = []
    for place, draft in enumerate(drafts):
        model, drafter = p[place], q[place]
        if uniform(2 * place) * drafter[draft] < model[draft]:
            gained.append(draft)
        else:
            rest = np.maximum(model - drafter, 0.0)
            gained.append(_point(rest if rest.any() else model, uniform(2 * place + 1)))
            return gained
    gained.append(_point(p[len(drafts)], uniform(2 * len(drafts) + 1)))
    return gained


def _point(weights: NDArray[np.float64], share: float) -> int:
    ends = weights.cumsum()
    return int(ends.searchsorted(share * ends[-1], side="right"))

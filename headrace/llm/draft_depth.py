"""How far a model drafts ahead of each text, and when it is worth its catching up; what its own passes cost included.

Drafts of a model are dear: one pass of it for each token of depth, shared by all texts that go so deep. They are made
where they raise the expected tokens a second of the whole step above what the step gives with the drafts that cost
nothing, those found in the texts themselves.
"""

from collections.abc import Callable, Sequence

import msgspec

from headrace.llm.draft_length import MOST, SAME_LOAD, STAIR, Offer, best_lengths

GAIN = 1.15  # the least that a model's drafts must promise: rates and times are guesses, and a pass is dear
CLOSE = 16  # tokens that a text may lag behind and still draft in this step: its first pass computes them
EXPECTED = 128  # tokens that a text is taken to go on for, if it may: what catching up has to pay for itself in
TRIAL_SHARE = 0.02  # of the time goes to trying drafts again that did not pay
MEASURE_SHARE = 0.005  # of the time goes to seeing what a pass takes, where nothing else could pay
TRIAL_DEPTH = 2  # drafts of a trial
HOPED = 0.95  # the rate of drafts that are nearly always right

Seconds = Callable[[int], float]


class Draftable(msgspec.Struct, frozen=True, gc=False):
    """What is to be known of a text that could be drafted for."""

    lag: int  # tokens that the model that drafts has yet to compute of it
    rate: float  # at which a draft of the model is accepted after those before it were
    most: int  # drafts that it may be given
    found: Offer  # what was found in the text itself


class Cost(msgspec.Struct, frozen=True):
    """What steps and passes take."""

    step: Seconds  # of the model, with so many drafts of all texts together
    draft: Seconds  # of the model that drafts, by tokens of all texts together


class Depths(msgspec.Struct, frozen=True):
    """The drafts that the model should make for each text, and which texts it should catch up with."""

    drafts: list[int]
    behind: list[int]  # places of texts


class DraftDepth:
    """Decides; remembers only how long nothing was drafted. Owned by whoever drafts."""

    def __init__(self) -> None:
        self._for_trial_s = 0.0  # that a trial may take
        self._for_measure_s = 0.0  # that a pass may take which only shows its time
        self._load = 0  # texts that `_hopeful` was found for
        self._hopeful = False
        self._steps_left = 0  # that it is still taken to be true for

    def choose(self, texts: Sequence[Draftable], cost: Cost, left: int) -> Depths:
        """What to draft in this step; `left` tokens are those that the shortest of the texts may still be given."""
        found = [text.found for text in texts]
        base = promised(found, best_lengths(found, len(texts), cost.step), cost)
        near = [text.lag <= CLOSE for text in texts]
        drafts, speed = best_depths(texts, near, base, cost)
        behind: list[int] = []
        if not all(near):
            hoped, hoped_speed = best_depths(texts, [True] * len(texts), speed, cost, caught_up=True)
            behind = [place for place, depth in enumerate(hoped) if depth and not near[place]]
            saved_s = (1.0 - speed / hoped_speed) * cost.step(0) * min(left, EXPECTED)
            if sum(cost.draft(texts[place].lag) for place in behind) > saved_s:
                behind = []
        if any(drafts) or behind:
            self._for_trial_s = 0.0
            return Depths(drafts, behind)
        return self._trial(texts, cost)

    def hopeful(self, num_texts: int, cost: Cost) -> bool:
        """Whether even drafts that are nearly always right would pay at this load: else nothing need be looked at."""
        if num_texts != self._load or not self._steps_left:
            self._load, self._steps_left = num_texts, SAME_LOAD
            text = Draftable(1, HOPED, 4, Offer(0, 0.0))
            drafts, _ = best_depths([text] * num_texts, [True] * num_texts, num_texts / cost.step(0), cost)
            self._hopeful = any(drafts)
        self._steps_left -= 1
        return self._hopeful

    def measures(self, cost: Cost) -> bool:
        """Whether to make a pass only to see what it takes now; asked where there is no hope otherwise."""
        self._for_measure_s += MEASURE_SHARE * cost.step(0)
        if self._for_measure_s < cost.draft(1):
            return False
        self._for_measure_s = 0.0
        return True

    def _trial(self, texts: Sequence[Draftable], cost: Cost) -> Depths:
        """Nothing pays: now and then one text is tried, that with the least to catch up with."""
        self._for_trial_s += TRIAL_SHARE * cost.step(0)
        drafts = [0] * len(texts)
        place = min(range(len(texts)), key=lambda place: texts[place].lag)
        text = texts[place]
        depth = min(TRIAL_DEPTH, text.most)
        more_s = cost.step(depth) - cost.step(0)
        if depth < 1 or cost.draft(text.lag) + depth * cost.draft(1) + more_s > self._for_trial_s:
            return Depths(drafts, [])
        if text.lag > CLOSE:
            return Depths(drafts, [place])
        self._for_trial_s = 0.0
        drafts[place] = depth
        return Depths(drafts, [])


def promised(offers: Sequence[Offer], lengths: Sequence[int], cost: Cost) -> float:
    """The expected tokens a second of a step with so many drafts of each offer."""
    gained = sum(
        offer.rate ** (depth + 1) for offer, length in zip(offers, lengths, strict=True) for depth in range(length)
    )
    return (len(offers) + gained) / cost.step(sum(lengths))


def best_depths(
    texts: Sequence[Draftable], near: Sequence[bool], base: float, cost: Cost, *, caught_up: bool = False
) -> tuple[list[int], float]:
    """How many drafts the model should make for each text, and the tokens a second then; none, where `base` is as good.

    Those that are not `near` have only what was found in them, and so have those where that is likelier to be right.
    `caught_up`: the texts are taken to lag by a token. As in `best_lengths`, the best number of drafts is that of one
    of the beginnings of a list by their chances; here each beginning also has its passes.
    """
    made = [near[place] and text.most > 0 and text.rate > text.found.rate for place, text in enumerate(texts)]
    chances = []
    for place, text in enumerate(texts):
        rate, most = (text.rate, text.most) if made[place] else (text.found.rate, text.found.num_drafts)
        chances += [(rate ** (depth + 1), place) for depth in range(min(most, MOST))]
    chances.sort(reverse=True)
    depths, tokens = [0] * len(texts), [0] * (MOST + 1)  # of each pass
    passes_s, expected = 0.0, float(len(texts))
    best, best_count, promise = GAIN * base, 0, base
    for count, (chance, place) in enumerate(chances, start=1):
        depth = depths[place]
        if made[place]:
            passes_s -= cost.draft(tokens[depth]) if tokens[depth] else 0.0
            tokens[depth] += 1 if depth or caught_up else texts[place].lag
            passes_s += cost.draft(tokens[depth])
        depths[place] += 1
        expected += chance
        speed = expected / (cost.step(count) + passes_s)
        if speed > best:
            best, best_count, promise = speed, count, speed
        elif count > best_count + STAIR and speed < 0.95 * best:
            break
    drafts = [0] * len(texts)
    for _, place in chances[:best_count]:
        drafts[place] += made[place]
    return (drafts, promise) if any(drafts) else (drafts, base)

"""What a step of the model will take, learned as it runs. No clock: whoever runs steps says what they took.

    seconds = table(tokens) + a * rows + b * context + c * pairs + d * past

The table is piecewise linear, because a step first costs what reading the weights costs and later what multiplying
costs, and where the one turns into the other differs between machines and precisions.
"""

from bisect import bisect_right
from itertools import pairwise
from math import inf

import msgspec
import numpy as np

KNOTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
FAMILIAR = 20  # times a knot is seen until one more moves it by no less than a twentieth of the error
LATELY = 500  # steps: what was not seen for longer may have become quicker or slower meanwhile
CHANGES = 10  # that `change_s` remembers
SELDOM = 0.25  # steps of a knot right after itself, for each after another: with fewer nothing tells a change's cost
FIRST = 0.25  # of how much slower than expected the first of a size was, that is believed
LEAST_S = 1e-6
WILD = 2.0  # more times what was expected is the work of the machine's neighbours, not the model's
WILD_IN_A_ROW = 10  # of a size: where more took that, it is what was expected that is wrong
FADES = 1.0 + 5e-5  # a step: what something took less than it can was a mistake
ROWS, CONTEXT, PAIRS, PAST = 64, 32_768, 512 * 512, 1024  # a size of each that matters: how errors are shared out


class StepShape(msgspec.Struct, frozen=True):
    """What a step's time depends on. Shapes of parts add up to the shape of the whole."""

    tokens: int = 0
    rows: int = 0  # of logits
    context: int = 0  # tokens read from the cache by sequences that compute one or few
    pairs: int = 0  # of tokens that meet in the attention of chunks
    past: int = 0  # tokens before chunks: attention unpacks them for each chunk anew, however short that is

    def __add__(self, other: "StepShape") -> "StepShape":
        return StepShape(
            self.tokens + other.tokens,
            self.rows + other.rows,
            self.context + other.context,
            self.pairs + other.pairs,
            self.past + other.past,
        )

    def times(self, count: float) -> "StepShape":
        """Of so many of them; also of a part of one."""
        return StepShape(*(round(each * count) for each in msgspec.structs.astuple(self)))


def decode_shape(past: int, num_tokens: int = 1) -> StepShape:
    """A sequence's next token, or few: each reads the context, each gives logits."""
    return StepShape(num_tokens, num_tokens, num_tokens * past, 0)


def prefill_shape(past: int, num_tokens: int, num_rows: int) -> StepShape:
    """A chunk of a prompt; of no tokens, nothing but its rows."""
    pairs = num_tokens * past + num_tokens * num_tokens // 2
    return StepShape(num_tokens, num_rows, 0, pairs, past if num_tokens else 0)


class StepTime:
    """Predicts and learns; the guesses given hold until something was measured.

    Normalised least mean squares with a step size that falls with the times a knot was seen. Unlike recursive least
    squares it forgets nothing of sizes that do not occur for an hour.
    """

    def __init__(self, floor_s: float = 0.008, token_s: float = 0.0004) -> None:
        self._guess = [floor_s + token_s * (knot - 1) for knot in KNOTS]
        self._learned = list(self._guess)
        self._table = list(self._guess)  # what was learned, of what is not well known brought between what is
        self._seen = [0] * len(KNOTS)
        self._last_seen = [0] * len(KNOTS)  # the step
        self._wild = [0] * len(KNOTS)  # times a knot took far more, one after the other
        self._steps = 0
        self._in_a_row = [0.0] * len(KNOTS)  # times a knot was seen right after itself, of late
        self._row_s = token_s * 0.1
        self._context_s = token_s * 0.0005
        self._pair_s = token_s * 0.0002
        self._past_s = token_s * 0.02
        self._past_known = 1.0  # how much is known of that: each step adds the square of its share of PAST
        self.change_s = 0.0  # what a step takes longer whose number of tokens is another than the last one's
        self._last_tokens = 0
        self.margin = 1.1  # 19 of 20 steps take at most so many times what is predicted
        self._best = self._parts  # the least that each ever was, fading

    def seconds(self, shape: StepShape) -> float:
        """The expected time of a step."""
        low, share = _place(shape.tokens)
        return (
            self._table[low] * (1.0 - share)
            + self._table[low + 1] * share
            + self._row_s * shape.rows
            + self._context_s * shape.context
            + self._pair_s * shape.pairs
            + self._past_s * shape.past
        )

    def observe(self, shape: StepShape, seconds: float, trial: bool = False) -> None:
        """A step of this shape took so long; what a `trial` took, with nothing else under way, is believed at once."""
        if not shape.tokens or seconds <= 0.0:
            return
        expected = self.seconds(shape)
        low, share = _place(shape.tokens)
        near = low + (share > 0.5)
        if not any(self._seen):
            self._rescale(seconds / expected)
            expected = seconds
        elif not trial:
            seconds = self._believed(near, seconds, WILD * expected)
            if seconds > expected and not self._is_known(shape.tokens):
                seconds = expected + FIRST * (seconds - expected)
            self._learn_margin(min(seconds / expected, WILD))
        error_s = seconds - expected
        in_a_row = self._in_a_row[near]
        if shape.tokens == self._last_tokens:
            self._in_a_row[near] = min(in_a_row + 1.0, 2.0 * FAMILIAR)
        else:
            self._in_a_row[near] = max(in_a_row - SELDOM, 0.0)
            if in_a_row >= FAMILIAR:  # else the table has what coming to that size costs
                self.change_s = max(0.0, self.change_s + (error_s - self.change_s) / CHANGES)
                error_s -= self.change_s
        self._last_tokens = shape.tokens
        self._correct(shape, error_s, low, share)
        self._steps += 1
        for knot, is_near in ((low, share < 0.75), (low + 1, share > 0.25)):
            if is_near:
                self._seen[knot] += 1
                self._last_seen[knot] = self._steps
        if not all(self._seen):
            self._follow()
        self._rise()
        self._best = [min(each, best * FADES) for each, best in zip(self._parts, self._best, strict=True)]

    def at_best(self) -> "StepTime":
        """As quick as it ever was in ten thousand steps or so: what steps take while something else has the machine,
        they do not take for good."""
        best = StepTime()
        *best._table, best._row_s, best._context_s, best._pair_s, best._past_s = self._best
        best.margin = 1.0
        return best

    @property
    def _parts(self) -> list[float]:
        """All that a prediction is made of."""
        return [*self._table, self._row_s, self._context_s, self._pair_s, self._past_s]

    def _believed(self, near: int, seconds: float, wild_s: float) -> float:
        """Of what a step near a knot took, at most `wild_s`; all of it where one after the other took more."""
        self._wild[near] = self._wild[near] + 1 if seconds > wild_s else 0
        return seconds if self._wild[near] > WILD_IN_A_ROW else min(seconds, wild_s)

    def _is_known(self, tokens: int) -> bool:
        """Whether a step of about this size was seen: the first pays for what is made once."""
        low, share = _place(tokens)
        return bool(self._seen[low + (share > 0.5)])

    def _rescale(self, factor: float) -> None:
        """The first measurement says how fast this machine is."""
        self._learned = [seconds * factor for seconds in self._learned]
        self._table = list(self._learned)
        self._row_s *= factor
        self._context_s *= factor
        self._pair_s *= factor
        self._past_s *= factor
        self._best = self._parts

    def _learn_margin(self, ratio: float) -> None:
        """Towards the 95th percentile of the ratio: 19 steps up where it lies above, one down where it lies below."""
        steps = 19 if ratio > self.margin else -1
        self.margin = min(1.5, max(1.0, self.margin + 0.002 * steps))

    def _correct(self, shape: StepShape, error_s: float, low: int, share: float) -> None:
        """Share the error out to what the prediction was made of; nothing becomes negative.

        What a past costs is learned at its own pace, as a Kalman filter of one number would: it is new when the first
        long prompt comes, and sizes of steps no longer are.
        """
        rows, context, pairs, past = shape.rows / ROWS, shape.context / CONTEXT, shape.pairs / PAIRS, shape.past / PAST
        seen = self._seen[low] if share < 0.5 else self._seen[low + 1]
        at = [(low, 1.0 - share), (low + 1, share)]
        if error_s < 0.0:  # where the table has nothing left to give, the rest gives all
            at = [(knot, part) for knot, part in at if self._table[knot] > LEAST_S]
        squares = sum([part**2 for _, part in at]) + rows**2 + context**2 + pairs**2 + past**2
        change = error_s / max(squares, LEAST_S) / min(1 + seen, FAMILIAR)
        for knot, part in at:
            self._learned[knot] = max(LEAST_S, self._table[knot] + change * part)
        self._row_s = max(0.0, self._row_s + change * rows / ROWS)
        self._context_s = max(0.0, self._context_s + change * context / CONTEXT)
        self._pair_s = max(0.0, self._pair_s + change * pairs / PAIRS)
        self._past_s = max(0.0, self._past_s + error_s * past / (self._past_known + past**2) / PAST)
        self._past_known = min(float(FAMILIAR), self._past_known + past**2)

    def _follow(self) -> None:
        """What was never seen is the guess, corrected as its neighbours that were seen had to be."""
        seen = [knot for knot, count in enumerate(self._seen) if count]
        factors = np.interp(range(len(KNOTS)), seen, [self._learned[knot] / self._guess[knot] for knot in seen])
        for knot, factor in enumerate(factors.tolist()):
            if not self._seen[knot]:
                self._learned[knot] = self._guess[knot] * factor

    def _rise(self) -> None:
        """More tokens take no less time: what is not well known of late gives way to what is, on either side of it.

        Else a few slow steps of a size would keep it from being tried again. It gives way only for as long as that is
        so; and of two that are well known neither does: measurements say the sum, and by how the table and what rows
        cost share it the table may well fall.
        """
        since = self._steps - LATELY
        known = [
            knot
            for knot, (seen, last) in enumerate(zip(self._seen, self._last_seen, strict=True))
            if seen >= FAMILIAR and last >= since
        ]
        learned = self._learned
        self._table = list(learned)
        for low, high in pairwise((-1, *known, len(KNOTS))):
            least, most = sorted((learned[low] if low >= 0 else 0.0, learned[high] if high < len(KNOTS) else inf))
            for knot in range(low + 1, high):
                self._table[knot] = min(max(learned[knot], least), most)


def _place(tokens: int) -> tuple[int, float]:
    """The knot at or below, and how far it is to the next. Beyond the last, the last piece goes on straight."""
    low = min(max(bisect_right(KNOTS, tokens) - 1, 0), len(KNOTS) - 2)
    return low, (tokens - KNOTS[low]) / (KNOTS[low + 1] - KNOTS[low])

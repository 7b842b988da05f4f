"""When a request would have its first token, at what pace the next, and when the last: before it is let in. Pure.

Prompts share each step's time with the tokens of those that run. What is left of a step after those, at the pace that
was promised, is how quickly prompts are computed; those that are due before it come first. Where no seat or no memory
is left, it waits until enough of those that run have ended.
"""

from typing import NamedTuple

import msgspec

from headrace.errors import WouldBeLate
from headrace.llm.step_plan import Budget
from headrace.llm.step_time import StepShape, StepTime, decode_shape, prefill_shape
from headrace.llm.terms import Terms

TOLD_S = 0.005  # from a token to its reader


class Ending(NamedTuple):
    """A sequence that will end."""

    tokens_left: int
    blocks: int


class Standing(msgspec.Struct, frozen=True):
    """What is there when a request arrives: all that runs, and what waits and goes before it."""

    step_left_s: float = 0.0
    decoding: StepShape = StepShape()  # a token of each of those
    prompt_tokens: float = 0.0  # of theirs, to be computed
    recent_prompt_tokens: float = 0.0  # that a step computed of late
    tpot_ns: int | None = None  # the shortest that was promised to one of them
    seats: int = 1  # that they leave
    blocks: float = 1e9
    ending: tuple[Ending, ...] = ()  # all of them

    def has_room(self, wanted: "Wanted") -> bool:
        """Whether a seat and memory are left for it."""
        return self.seats >= wanted.sequences and self.blocks >= wanted.blocks

    @property
    def idle(self) -> bool:
        return not (self.decoding.tokens or self.prompt_tokens)


class Wanted(msgspec.Struct, frozen=True):
    """A request that arrives."""

    terms: Terms
    elapsed_s: float  # since its arrival
    prompt_tokens: int
    new_tokens: int  # of those, that are not found
    as_long: int  # as those of a long one: short ones may not take every gap that is too small for a long one
    sequences: int  # that continue it
    blocks: int  # for all of it
    usual: int  # tokens of its answer, at least
    spare: int = 0  # like it, of other tenants, for which it must leave room


class Forecast(NamedTuple):
    """From now on, in seconds."""

    first_s: float
    token_s: float  # from token to token
    last_s: float


def forecast(step_time: StepTime, budget: Budget, standing: Standing, wanted: Wanted, aim: float) -> Forecast:
    """What would become of it; `aim` is the share of a promised pace that steps are planned with."""
    joined = decode_shape(wanted.prompt_tokens + wanted.usual // 2)
    beside = joined.times(wanted.sequences + (0 if standing.idle else wanted.spare))
    beside += prefill_shape(0, round(standing.recent_prompt_tokens), 0)
    token_s = step_time.seconds(standing.decoding + beside)
    promised = [each for each in (standing.tpot_ns, wanted.terms.tpot_ns) if each is not None]
    prompts = _prompts(step_time, budget, standing.decoding, min(promised) * aim / 1e9 if promised else None)
    before_s = prompts.seconds(standing.prompt_tokens, 0)
    own_tokens = wanted.new_tokens if standing.idle else wanted.as_long + wanted.spare * wanted.new_tokens
    own_s = prompts.seconds(own_tokens, wanted.prompt_tokens - wanted.new_tokens)
    first_s = standing.step_left_s + max(before_s, _room_s(standing, wanted, token_s)) + own_s + TOLD_S
    token_s = step_time.seconds(standing.decoding.times(_left(standing, first_s / token_s)) + beside)
    return Forecast(first_s, token_s, first_s + (wanted.usual - 1) * token_s)


def _left(standing: Standing, tokens: float) -> float:
    """What share of those that are there still decode after so many tokens: when it begins to, others have ended."""
    if not standing.ending:
        return 1.0
    return sum([each.tokens_left > tokens for each in standing.ending]) / len(standing.ending)


def refusal(
    step_time: StepTime, budget: Budget, standing: Standing, wanted: Wanted, first_aim: float, pace_aim: float
) -> WouldBeLate | None:
    """Why it is not let in; None: it will probably have what it was promised, and take nothing of what others were.

    Where nothing else is there a refusal would help nobody: it is let in where it will more likely be in time than not.
    What would be late even alone, as soon as it arrives and with steps as quick as they ever were, is told no time to
    ask again.
    """
    alone = forecast(step_time, budget, Standing(), wanted, 1.0)
    impossible = _late(alone, wanted, Standing(), 1.0, 1.0)
    if impossible is not None:
        what, predicted_s, limit_s = impossible
        fresh = msgspec.structs.replace(wanted, elapsed_s=0.0)
        again = _late(forecast(step_time.at_best(), budget, Standing(), fresh, 1.0), fresh, Standing(), 1.0, 1.0)
        return _refused(f"{what}, even alone", predicted_s, limit_s, None if again else predicted_s - limit_s)
    if standing.idle:
        return None
    found = forecast(step_time, budget, standing, wanted, pace_aim)
    late = _late(found, wanted, standing, first_aim, pace_aim)
    if late is None:
        return None
    what, predicted_s, limit_s = late
    retry_s = predicted_s - limit_s
    if "every" in what:
        retry_s = min([each.tokens_left for each in standing.ending], default=1) * found.token_s
    return _refused(what, predicted_s, limit_s, retry_s)


def _late(
    found: Forecast, wanted: Wanted, standing: Standing, first_aim: float, pace_aim: float
) -> tuple[str, float, float] | None:
    """Which promise would be broken, what would become of it, and what was promised: its own ones and others'.

    Each is told as what would have to be allowed, that the share which is not planned with included.
    """
    terms = wanted.terms
    if terms.ttft_ns is not None:
        predicted_s, limit_s = wanted.elapsed_s + found.first_s / first_aim, terms.ttft_ns / 1e9
        if predicted_s > limit_s:
            return (
                "its first token would come {predicted:.1f} ms after arrival, and has {limit:.1f} ms",
                predicted_s,
                limit_s,
            )
    promised = [each for each in (terms.tpot_ns, standing.tpot_ns) if each is not None and terms.asks]
    if promised and found.token_s / pace_aim > min(promised) / 1e9:
        whose = "its tokens" if min(promised) == terms.tpot_ns else "with it the tokens of others"
        what = f"{whose} would come every {{predicted:.1f}} ms, and have {{limit:.1f}} ms"
        return what, found.token_s / pace_aim, min(promised) / 1e9
    if terms.deadline_ns is not None and terms.arrived_ns is not None:
        limit_s = (terms.deadline_ns - terms.arrived_ns) / 1e9
        predicted_s = wanted.elapsed_s + found.last_s / first_aim
        if predicted_s > limit_s:
            return (
                "its answer would be whole {predicted:.1f} ms after arrival, and has {limit:.1f} ms",
                predicted_s,
                limit_s,
            )
    return None


def _refused(what: str, predicted_s: float, limit_s: float, retry_s: float | None) -> WouldBeLate:
    predicted_ms, limit_ms = predicted_s * 1e3, limit_s * 1e3
    told = what.format(predicted=predicted_ms, limit=limit_ms)
    retry_after_s = None if retry_s is None else max(0.001, retry_s)
    return WouldBeLate(told, "", retry_after_s, predicted_ms, limit_ms)


class _Prompts(NamedTuple):
    """How prompts are computed beside those that decode: steps of so long, a few tokens in each whatever they take."""

    step_time: StepTime
    budget: Budget
    decoding: StepShape
    step_s: float
    margin: float

    def seconds(self, tokens: float, past: int) -> float:
        """Until so many tokens are computed."""
        if tokens <= 0:
            return 0.0
        middle = min(past + int(tokens) // 2, self.budget.max_chunk)
        most = min(self.budget.max_chunk, int(tokens) + 1)
        low, high = min(FEWEST, most), most
        while low < high:
            count = (low + high + 1) // 2
            if self._step(middle, count) * self.margin <= self.step_s:
                low = count
            else:
                high = count - 1
        steps, rest = divmod(tokens, low)
        return steps * self._step(middle, low) + (self._step(middle, int(rest)) if rest >= 1 else 0.0)

    def _step(self, past: int, count: int) -> float:
        return self.step_time.seconds(self.decoding + prefill_shape(past, count, 1))


def _prompts(step_time: StepTime, budget: Budget, decoding: StepShape, pace_s: float | None) -> _Prompts:
    """What a step takes while prompts wait: as long as those that get tokens in it allow (see `step_plan`)."""
    if not decoding.tokens:
        return _Prompts(step_time, budget, decoding, budget.longest_s, step_time.margin)
    if pace_s is not None:
        return _Prompts(step_time, budget, decoding, min(pace_s, budget.longest_s), 1.0)
    longest_s = min(max(budget.stretch * step_time.seconds(decoding), budget.patience_s), budget.longest_s)
    return _Prompts(step_time, budget, decoding, longest_s, step_time.margin)


FEWEST = 16  # tokens of a prompt that a step computes: about half a block


def _room_s(standing: Standing, wanted: Wanted, token_s: float) -> float:
    """Until a seat and memory are free, as those that run end."""
    seats, blocks = wanted.sequences - standing.seats, wanted.blocks - standing.blocks
    tokens = 0
    for ending in sorted(standing.ending):
        if seats <= 0 and blocks <= 0:
            break
        tokens = ending.tokens_left
        seats, blocks = seats - 1, blocks - ending.blocks
    return tokens * token_s

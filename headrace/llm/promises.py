"""What sequences were promised, and how well that is kept: how long a step may be, and who is let in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headrace.errors import WouldBeLate
from headrace.llm.admission import Ending, Standing, Wanted, refusal
from headrace.llm.aim import Aim
from headrace.llm.credit import step_limit_s
from headrace.llm.doubt import Doubt
from headrace.llm.recent_lengths import RecentLengths
from headrace.llm.recent_prompts import RecentPrompts
from headrace.llm.recent_tenants import RecentTenants
from headrace.llm.sequence import Sequence as Text
from headrace.llm.step import Step
from headrace.llm.step_plan import Budget
from headrace.llm.step_time import StepShape, StepTime, decode_shape
from headrace.tenants import weight_of

FIRST_AIM, PACE_AIM = 0.85, 0.95  # until something was late, or in time for long
OVERCOMMIT = 1.1  # of the memory: answers end sooner than nine in ten do
PATIENCE_NS = 2_000_000_000  # of who was promised no first token
LONG = 0.9  # of the prompts that are not long
SPARE = 2  # sequences: room for so many is left for it
STEPS_TO_FIRST = 8  # that a prompt and what goes before it may take
UNPROMISED = 0.5  # of a step that was promised to some, beside those to whom nothing was: the rest is for prompts


class Promises:
    """Learns from what became of them. Owned by the scheduler."""

    def __init__(self, step_time: StepTime, budget: Budget, weights: Mapping[str, float]) -> None:
        """`weights`: tenants' shares."""
        self._answers = RecentLengths()
        self._prompts = RecentLengths()
        self._tenants = RecentTenants()
        self._doubt = Doubt()
        self.first_aim = Aim(FIRST_AIM)
        self.pace_aim = Aim(PACE_AIM)
        self._step_time = step_time
        self._budget = budget
        self._weights = weights
        self._recent_prompts = RecentPrompts()

    def note(self, running: Iterable[Text], now_ns: int) -> None:
        """What they have got by now."""
        for text in running:
            if text.pace is not None:
                text.pace.note(text.num_generated_tokens, now_ns)
            if text.first_due_ns is not None and not text.first_judged and text.num_generated_tokens:
                text.first_judged = True
                self.first_aim.learn(now_ns > text.first_due_ns)

    def completed(self, text: Text) -> None:
        """Its answer ended by itself."""
        self._answers.learn(text.num_generated_tokens, cut=not text.num_tokens_left)
        if text.pace is not None and (mean_ns := text.pace.mean_ns()) is not None:
            self.pace_aim.learn(mean_ns > text.pace.tpot_ns)

    def stepped(self, step: Step, now_ns: int) -> None:
        """A step was laid out; what it computes of prompts is remembered.

        Those of who was promised nothing do not count: they are put off where others need the time.
        """
        self._doubt.stepped(bool(step.chunks), now_ns)
        if not step.chunks:
            return
        prompts = sum(
            [
                chunk.num_tokens
                for chunk in step.chunks
                if chunk.past < chunk.sequence.num_prompt_tokens and chunk.sequence.terms.asks
            ]
        )
        self._recent_prompts.learn(prompts, step.seconds)

    def step_limit_s(self, running: Iterable[Text], now_ns: int) -> float | None:
        """What the next step may take; None where nobody was promised a pace."""
        paces = [text.pace for text in running if text.pace is not None]
        return step_limit_s(paces, now_ns, self.pace_aim.share) if paces else None

    def one_more_fits(self, running: Sequence[Text], text: Text) -> bool:
        """Whether those that were promised a pace keep it easily once this one gets tokens beside them."""
        paces = [each.pace.tpot_ns for each in running if each.pace is not None]
        if not paces:
            return True
        shape = _decoding(running) + decode_shape(len(text))
        return self._step_time.seconds(shape) <= UNPROMISED * min(paces) * self.pace_aim.share / 1e9

    def refusal(
        self, texts: Sequence[Text], found: int, there: "There", now_ns: int, step_left_s: float
    ) -> WouldBeLate | None:
        """Why a request is not let in whose choices these are, with so many tokens of its prompt found."""
        first, size = texts[0], there.block_size
        wanted = Wanted(
            terms=first.terms,
            elapsed_s=max(0.0, (now_ns - first.arrived_ns) / 1e9),
            prompt_tokens=len(first),
            new_tokens=len(first) - found,
            as_long=max(len(first) - found, self._prompts.at(LONG) or 0),
            sequences=len(texts),
            blocks=sum([self._blocks(each, size) for each in texts]) - (len(texts) - 1) * (len(first) // size),
            spare=self._spare(first, there, now_ns),
            usual=min(first.most_tokens, self._answers.at(0.5, first.most_tokens) or 1),
        )
        self._prompts.learn(wanted.new_tokens)
        self._tenants.note(first.tenant, now_ns)
        standing = self._standing(first, there, step_left_s)
        shares = self.first_aim.share, self.pace_aim.share
        refused = refusal(self._step_time, self._budget, standing, wanted, *shares)
        if refused is None or not standing.has_room(wanted):
            return refused
        times = (refused.predicted_ms or 0.0) / (refused.deadline_ms or 1.0)
        return None if self._doubt.lets_in(standing, self._pace_s(standing, wanted), times, now_ns) else refused

    def _pace_s(self, standing: Standing, wanted: Wanted) -> float:
        """What steps may take where all that was promised is kept."""
        terms = wanted.terms
        paces = [each * self.pace_aim.share for each in (terms.tpot_ns, standing.tpot_ns) if each is not None]
        if terms.ttft_ns is not None:
            paces.append(terms.ttft_ns / STEPS_TO_FIRST)
        if terms.deadline_ns is not None and terms.arrived_ns is not None:
            paces.append((terms.deadline_ns - terms.arrived_ns) / (STEPS_TO_FIRST + wanted.usual))
        return min(paces) / 1e9

    def _spare(self, text: Text, there: "There", now_ns: int) -> int:
        """Who has its share already leaves room for tenants that have not, where some of them ask too."""
        others = self._tenants.others(text.tenant, now_ns)
        if not others:
            return 0
        everyone = [each.tenant for each in (*there.running, *there.waiting)]
        own = weight_of(text.tenant, self._weights)
        share = own / (own + sum([weight_of(each, self._weights) for each in others]))
        return SPARE if everyone.count(text.tenant) + 1 > share * (len(everyone) + 1) else 0

    def _standing(self, text: Text, there: "There", step_left_s: float) -> Standing:
        before, prompt_tokens = _prompts_before(text, there, self._weights)
        everyone = [*there.running, *before]
        paces = [each.pace.tpot_ns for each in everyone if each.pace is not None]
        reserved = sum([self._blocks(each, there.block_size) for each in everyone])
        return Standing(
            step_left_s,
            _decoding(everyone),
            prompt_tokens,
            self._recent_prompts.mean,
            min(paces, default=None),
            there.max_sequences - len(everyone),
            OVERCOMMIT * there.capacity - reserved,
            tuple([self._ending(each, there.block_size) for each in everyone]),
        )

    def _tokens(self, text: Text) -> int:
        """Of its answer: what nine in ten stay below."""
        most = text.most_tokens
        return max(min(most, self._answers.at(0.9, most) or most), text.num_generated_tokens + 1)

    def _blocks(self, text: Text, block_size: int) -> int:
        return -(-(text.num_prompt_tokens + self._tokens(text)) // block_size)

    def _ending(self, text: Text, block_size: int) -> Ending:
        return Ending(self._tokens(text) - text.num_generated_tokens, self._blocks(text, block_size))


class There(NamedTuple):
    """All that a scheduler has when a request arrives."""

    running: Sequence[Text]
    waiting: Sequence[Text]
    max_sequences: int
    capacity: int  # blocks
    block_size: int
    under_way: Step | None  # that is being computed


def is_pressing(text: Text, now_ns: int) -> bool:
    """Whether half of the time until its first token is over: a step then computes some of it, whatever that takes."""
    first_ns = PATIENCE_NS if text.terms.ttft_ns is None else text.terms.ttft_ns
    return now_ns - text.arrived_ns > first_ns / 2


def _prompts_before(text: Text, there: There, weights: Mapping[str, float]) -> tuple[list[Text], float]:
    """Who waits and is due before a sequence, and the tokens of prompts that are computed before its own.

    Of another tenant's no more than its share beside this tenant's: whose turn it is, is not for deadlines to say.
    """
    before = [each for each in there.waiting if each.order < text.order]
    own = float(len(text))
    others: dict[str, float] = {}
    for each in before:
        if each.tenant == text.tenant or each.level < text.level:
            own += each.num_uncomputed_tokens
        else:
            others[each.tenant] = others.get(each.tenant, 0.0) + each.num_uncomputed_tokens
    share = own / weight_of(text.tenant, weights)
    tokens = own - len(text)
    tokens += sum([min(each, share * weight_of(tenant, weights)) for tenant, each in others.items()])
    computing = (
        {} if there.under_way is None else {id(each.sequence): each.num_tokens for each in there.under_way.chunks}
    )
    for each in there.running:
        if each.num_uncomputed_tokens > 1:
            tokens += max(0, each.num_uncomputed_tokens - computing.get(id(each), 0))
    return before, tokens


def _decoding(texts: Iterable[Text]) -> StepShape:
    """A token of each."""
    lengths = [len(text) for text in texts]
    return StepShape(len(lengths), len(lengths), sum(lengths))

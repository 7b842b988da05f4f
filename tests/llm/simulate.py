"""An engine without a model: the scheduler's steps run on a fake model, and time passes by a formula."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from statistics import median

from headrace.llm.drafts import NgramDrafter
from headrace.llm.scheduler import Limits, Scheduler
from headrace.llm.sequence import Sequence, Status
from headrace.llm.step import Chunk, Step, StepArrays
from headrace.llm.step_plan import Budget
from headrace.llm.step_time import StepShape, StepTime
from headrace.llm.terms import Terms
from headrace.runtimes.language import LanguageModel
from tests.fakes_language import FakeLanguage


def cpu_seconds(shape: StepShape) -> float:
    """About what a model of 135 M weights takes on two cores."""
    table = max(0.0072, 0.0062 + 0.00033 * shape.tokens)
    return table + 1.5e-4 * shape.rows + 2e-7 * shape.context + 5e-8 * shape.pairs


class Simulation:
    """Steps one after another, greedy; what each sequence was given and when."""

    def __init__(
        self,
        num_blocks: int = 1000,
        model: LanguageModel | None = None,
        limits: Limits | None = None,
        budget: Budget | None = None,
        seconds: Callable[[StepShape], float] = cpu_seconds,
        most_drafts: int = 0,
        allocated: bool = False,
        weights: Mapping[str, float] = {},
    ) -> None:
        """`allocated`: whether the model has its cache already; `weights`: tenants' shares."""
        self.model: LanguageModel = model or FakeLanguage(block_size=32)
        if not allocated:
            self.model.allocate(num_blocks)
        self.step_time = StepTime()
        self.scheduler = Scheduler(
            num_blocks, self.model.block_size, self.step_time, limits or Limits(self.model.max_context), budget, weights
        )
        self.arrays = StepArrays(self.model.block_size)
        self.now_s = 0.0
        self.seconds = seconds
        self.most_drafts = most_drafts
        self.token_times: dict[int, list[float]] = defaultdict(list)
        self.steps: list[Step] = []
        self._drafters: dict[int, NgramDrafter] = {}
        self._count = 0

    def add(self, prompt: list[int], max_tokens: int = 10, **more: object) -> Sequence:
        self._count += 1
        sequence = Sequence(
            self._count,
            prompt,
            max_tokens=max_tokens,
            arrived_ns=int(self.now_s * 1e9),
            **more,  # type: ignore[arg-type]
        )
        self.scheduler.add(sequence)
        return sequence

    def offer(self, prompt: list[int], max_tokens: int, terms: Terms, arrived_ns: int) -> Sequence:
        """A request that came a while ago, heard of between two steps. Raises WouldBeLate where it is not let in."""
        self._count += 1
        sequence = Sequence(self._count, prompt, max_tokens=max_tokens, arrived_ns=arrived_ns, terms=terms)
        self.scheduler.check([sequence], int(self.now_s * 1e9), None, 0.0)
        self.scheduler.add(sequence)
        return sequence

    def step(self) -> Step:
        self._draft()
        step = self.scheduler.schedule(int(self.now_s * 1e9))
        assert bool(step.chunks) == self.scheduler.busy, "a step is empty only where nothing is to be done"
        if not step.chunks:
            return step
        assert not any(map(_is_single_piece, step.chunks)), "a piece of a prompt is a single token"
        self.model.start(self.arrays.lay(step))
        best = self.model.wait().argmax(axis=1).tolist()
        took_s = self.seconds(step.shape)
        self.now_s += took_s
        self.step_time.observe(step.shape, took_s)
        sampled = _greedy(step, best)
        self.scheduler.update(step, sampled)
        for chunk, ids in zip(step.chunks, sampled, strict=True):
            self.token_times[chunk.sequence.id] += [self.now_s] * len(ids)
            if ids and not chunk.sequence.num_tokens_left:
                self.scheduler.complete(chunk.sequence)
        self.steps.append(step)
        self.check()
        return step

    def run(self, most_steps: int = 100_000) -> None:
        """Until nothing is to be done."""
        for _ in range(most_steps):
            if not self.scheduler.busy:
                return
            self.step()
        raise AssertionError("it never ends")

    def check(self) -> None:
        running = self.scheduler.running
        assert all(sequence.status is Status.RUNNING for sequence in running)
        assert all(sequence.status is Status.WAITING and not sequence.blocks for sequence in self.scheduler.waiting)
        self.scheduler.pool.check(sequence.blocks for sequence in running)

    def first_token_s(self, sequence: Sequence) -> float:
        """From its arrival."""
        return self.token_times[sequence.id][0] - sequence.arrived_ns / 1e9

    def gaps(self, sequences: list[Sequence]) -> tuple[float, float]:
        """The largest and the median time between two tokens of a sequence that came in different steps."""
        gaps = []
        for sequence in sequences:
            times = self.token_times[sequence.id]
            gaps += [later - sooner for sooner, later in pairwise(times) if later > sooner]
        return max(gaps), median(gaps)

    def _draft(self) -> None:
        running = self.scheduler.running
        if not self.most_drafts:
            return
        for sequence in running:
            if sequence.num_uncomputed_tokens == 1 and sequence.num_generated_tokens:
                drafter = self._drafters.setdefault(sequence.id, NgramDrafter())
                sequence.draft_ids, sequence.draft_kind = drafter.propose(sequence.token_ids, self.most_drafts)


def _is_single_piece(chunk: Chunk) -> bool:
    num_prompt = chunk.sequence.num_prompt_tokens
    return num_prompt > 1 and min(chunk.past + chunk.num_tokens, num_prompt) - chunk.past == 1


def _greedy(step: Step, best: list[int]) -> list[list[int]]:
    """The accepted drafts of each chunk and the token after them."""
    sampled = []
    row = 0
    for chunk in step.chunks:
        row += chunk.num_rows
        ids: list[int] = []
        if chunk.samples:
            own = best[row - 1 - chunk.num_drafts : row]
            drafts = chunk.sequence.draft_ids[: chunk.num_drafts]
            right = 0
            while right < len(drafts) and drafts[right] == own[right]:
                right += 1
            ids = own[: right + 1][: chunk.sequence.num_tokens_left]
        sampled.append(ids)
    return sampled


def text(seed: int, count: int, vocabulary: int = 50) -> list[int]:
    """Tokens that look random."""
    return [
        (seed * 7919 + index * index * 31 + index * 17 + (index * seed) // 3) % vocabulary for index in range(count)
    ]

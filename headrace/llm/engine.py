"""A decoder that answers many requests at once, a step at a time: read `step` first.

A step computes the next tokens of every sequence that has a turn. While it runs, what came of the one before is told:
`step` ends with the next one under way, so that its caller's messages cost no time of the model's.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Values
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.errors import DeadlineExceeded, HeadraceError, InvalidRequest, Unavailable
from headrace.generation import MAX_TEXTS, Ask, Detokenize, Embed, Generate, LanguageFacts, StepFacts, Tokenize
from headrace.llm.acceptance import kept
from headrace.llm.beginning import Beginning
from headrace.llm.choice import Choice
from headrace.llm.draft_model import Drafter, DraftModel
from headrace.llm.drafting import Drafting
from headrace.llm.engine_protocol import Answered, Told
from headrace.llm.generating import Generating
from headrace.llm.logprobs import score_all
from headrace.llm.preparing import Prepared, Preparing
from headrace.llm.reception import Reception
from headrace.llm.sampler import RowChoice, Sampler
from headrace.llm.scheduler import Limits, Scheduler
from headrace.llm.sequence import Sequence, Status
from headrace.llm.step import Chunk, Step, StepArrays
from headrace.llm.step_plan import Budget
from headrace.llm.step_time import StepTime
from headrace.llm.tally import Tally
from headrace.llm.terms import UNSAID, Terms
from headrace.runtimes.language import Choose, LanguageModel

Logits = NDArray[np.float32]


class Settings(msgspec.Struct, frozen=True):
    """What a decoder's engine may do."""

    num_blocks: int  # of the key-value cache, block 0 included
    max_sequences: int = 64
    max_waiting: int = MAX_TEXTS
    prefix_cache: bool = True  # whether requests share blocks at all
    drafts: bool = True  # whether tokens are proposed ahead
    weights: Mapping[str, float] = {}  # of tenants


class DecoderEngine:
    """Implements `engine_protocol.Engine` over one LanguageModel, which it closes; its cache is allocated."""

    def __init__(
        self,
        model: LanguageModel,
        preparing: Preparing,
        facts: LanguageFacts,
        settings: Settings,
        step_time: StepTime | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        random: Callable[[], int] = lambda: np.random.SeedSequence().generate_state(1, np.uint64).item(),
        budget: Budget | None = None,
    ) -> None:
        """`random` gives the seeds of requests that have none."""
        self.facts = facts
        self._model = model
        self._preparing = preparing
        self._settings = settings
        self._step_time = step_time or StepTime()
        self._now_ns = now_ns
        self._random = random
        rows = max(8, min(64, ROWS_OF_LOGITS // model.vocabulary))
        limits = Limits(facts.max_context, settings.max_sequences, settings.max_waiting)
        self._scheduler = Scheduler(
            settings.num_blocks,
            model.block_size,
            self._step_time,
            limits,
            budget or Budget(max_prompt_rows=rows),
            settings.weights,
        )
        self.drafting = Drafting(settings.drafts, self._scheduler.draft_length, self._step_time)
        self._arrays = StepArrays(model.block_size)
        self._sampler = Sampler(model.vocabulary)
        self._reception = Reception()
        self._generating: dict[int, Generating] = {}  # by number
        self._choices: dict[int, tuple[Generating, Choice]] = {}  # by sequence, until it is finished
        self._num_sequences = 0
        self._step: Step | None = None  # under way
        self._started_ns = 0
        self._landed: _Landed | None = None  # the last step; yet to be counted and learned from
        self._tally = Tally()

    def choose_with(self, choose: Choose) -> None:
        """Let this choose tokens in place of numpy; before the first request."""
        self._sampler = Sampler(self._model.vocabulary, choose)

    def draft_with(self, drafter: Drafter) -> None:
        """Let another model propose tokens, which the engine closes; before the first request."""
        rates, vocabulary = self._scheduler.draft_length, self._model.vocabulary
        self.drafting.model = DraftModel(drafter, vocabulary, rates, self._now_ns)

    # ---- what is asked

    @property
    def busy(self) -> bool:
        return bool(self._step or self._scheduler.busy or self._reception.has_news)

    def add(self, number: int, ask: Ask, terms: Terms = UNSAID, told: Values[Told] = ()) -> None:
        preparing, reception = self._preparing, self._reception
        answer = partial(reception.answer, number)
        if isinstance(ask, Generate):
            begin = partial(self._begin, Beginning(number, ask, terms, self._now_ns(), told))
            reception.read(number, lambda: preparing.generation(ask), begin, now=preparing.is_quick(ask))
        elif isinstance(ask, Tokenize):
            reception.read(number, lambda: preparing.tokenized(ask), answer, now=preparing.is_quick(ask))
        elif isinstance(ask, Detokenize):
            reception.read(number, lambda: preparing.detokenized(ask), answer, now=True)
        else:
            what = "vectors" if isinstance(ask, Embed) else "scores"
            reception.refuse(number, InvalidRequest(f"this model continues texts; it gives no {what}", "model"))

    def abort(self, number: int) -> None:
        known = self._reception.drop(number)
        generating = self._generating.get(number)
        if generating is not None:
            self._tally.saved_tokens += generating.num_tokens_left
            self._forget(generating)
        self._tally.aborted += known or generating is not None

    def step(self) -> list[Answered]:
        self._reception.pick_up()
        changed = self._land()
        self._launch()
        self._learn()
        self._tell(changed)
        self._look_ahead()
        return self._reception.collect()

    def rest(self) -> bool:
        return self._model.rest() or self.drafting.rest()

    def counts(self) -> StepFacts:
        running = len({self._choices[sequence.id][0].number for sequence in self._scheduler.running})
        waiting = len(self._generating) - running + len(self._reception)
        pool = self._scheduler.pool
        return self._tally.facts(running, waiting, pool.num_used, pool.capacity)

    def close(self) -> None:
        self._reception.close()
        if self._step is not None:
            self._model.wait()
            self._step = None
        self.drafting.close()
        self._model.close()

    def _begin(self, asked: Beginning, prepared: Prepared) -> None:
        """Give the request its sequences. Raises InvalidRequest, QueueFull or WouldBeLate, and then none is left."""
        seed, choices = self._random(), list[Choice]()
        number, ask, told = asked.number, asked.ask, asked.told
        ids, echo, tokenizer = prepared.prompt_ids, prepared.echo, self._preparing.tokenizer
        generating = Generating(number, ask, ids, choices, tokenizer, asked.heard_ns, begun=bool(told), echo=echo)
        self._generating[number] = generating
        sequences = []
        for index in range(max(ask.n, ask.best_of or 0)):
            self._num_sequences += 1
            sequences.append(asked.sequence(self._num_sequences, index, prepared, self._settings.prefix_cache))
        try:
            if not told:
                self._admit(sequences)
            for index, sequence in enumerate(sequences):
                ended = bool(told) and told[index].finished
                if not ended:
                    self._scheduler.add(sequence)
                choice = asked.choice(index, sequence, prepared, self._preparing, self.facts.vocabulary, seed)
                choices.append(choice)
                if told:
                    choice.resume(told[index])
                if not ended:
                    self._choices[sequence.id] = generating, choice
        except HeadraceError as error:
            self._forget(generating)
            if isinstance(error, InvalidRequest):
                error.where = ask.prompt.where
            raise

    def _admit(self, sequences: list[Sequence]) -> None:
        """Raises WouldBeLate where they would not have what they were promised."""
        now_ns, under_way = self._now_ns(), self._step
        left_s = 0.0 if under_way is None else max(0.0, under_way.seconds - (now_ns - self._started_ns) / 1e9)
        self._scheduler.check(sequences, now_ns, under_way, left_s)

    # ---- a step

    def _launch(self) -> None:
        """Begin the next step, if there is anything to compute."""
        self._give_up()
        scheduler = self._scheduler
        running = [self._choices[each.id][1] for each in scheduler.running]
        self.drafting.propose(running, waiting=bool(scheduler.waiting))
        step = self._scheduler.schedule(self._now_ns())
        if not step.chunks:
            return
        self._started_ns = self._now_ns()
        self._model.start(self._arrays.lay(step))
        self._step = step

    def _give_up(self) -> None:
        """Answer those whose first token can no longer be in time, before it costs a step."""
        for sequence, would_come_s in self._scheduler.late(self._now_ns()):
            found = self._choices.get(sequence.id)
            if found is None or any(choice.sequence.started_ns is not None for choice in found[0].choices):
                continue
            assert sequence.terms.ttft_ns is not None
            predicted_ms, limit_ms = would_come_s * 1e3, sequence.terms.ttft_ns / 1e6
            what = f"its first token would come {predicted_ms:.1f} ms after arrival, and had {limit_ms:.1f} ms"
            self._fail(found[0], DeadlineExceeded(what, "", predicted_ms, limit_ms))

    def _land(self) -> dict[int, Generating]:
        """Wait for the step under way and choose what comes next; the generations that it changed, by number."""
        step, self._step = self._step, None
        changed: dict[int, Generating] = {}
        if step is None:
            return changed
        try:
            logits = self._model.wait()
        except Unavailable as error:
            self._fail_all(step, error)
            return changed
        asked = self._asked(step)
        known = self._sampler.at_once(logits, [row for rows in asked for row in rows])
        first, begin, sampled = 0, 0, []
        for chunk, rows in zip(step.chunks, asked, strict=True):
            end = begin + len(rows)
            sampled.append(self._sampled(chunk, logits, first, rows, known[begin:end], changed))
            first, begin = first + chunk.num_rows, end
        self._scheduler.update(step, sampled)
        for chunk in step.chunks:
            found = self._choices.get(chunk.sequence.id)
            if found is not None and found[1].finish:
                self._finish(found[1])
        now_ns = self._now_ns()
        self._landed = _Landed(step, sampled, (now_ns - self._started_ns) / 1e9, now_ns)
        return changed

    def _asked(self, step: Step) -> list[list[RowChoice]]:
        """The rows that a token of each chunk's sequence is to be chosen from."""
        asked, row = list[list[RowChoice]](), 0
        for chunk in step.chunks:
            row += chunk.num_rows
            found = self._choices.get(chunk.sequence.id)
            if found is None or not chunk.samples or not chunk.sequence.num_tokens_left:
                asked.append([])
            else:
                drafts = chunk.sequence.draft_ids[: chunk.num_drafts]
                asked.append(found[1].rows(row - 1 - chunk.num_drafts, drafts))
        return asked

    def _sampled(
        self,
        chunk: Chunk,
        logits: Logits,
        first: int,
        rows: list[RowChoice],
        known: Values[int],
        changed: dict[int, Generating],
    ) -> list[int]:
        """The tokens that a chunk's sequence gains; `first` is its first row of logits."""
        found = self._choices.get(chunk.sequence.id)
        if found is None or not chunk.num_rows:  # it was aborted while the step ran
            return []
        generating, choice = found
        try:
            if chunk.sequence.prompt_rows:
                self._score_prompt(chunk, logits[first : first + chunk.num_rows], generating)
            if not chunk.samples:
                return []
            changed[generating.number] = generating
            if not rows:
                choice.finish = "length"
                return []
            chosen = self._sampler.sample(logits, rows, known)
            count = kept(rows[-1].ahead, chosen.token_ids) + 1
            return choice.take(chosen.token_ids[:count], chosen.scored[:count])
        except Exception as error:
            self._fail(generating, error)
            return []

    def _score_prompt(self, chunk: Chunk, rows: Logits, generating: Generating) -> None:
        """Keep what the rows of a chunk say of the prompt's tokens that come after them."""
        sequence, top = chunk.sequence, generating.ask.sampling.prompt_logprobs
        begin = chunk.past + chunk.num_tokens - chunk.num_drafts - len(rows)
        following = sequence.token_ids[begin + 1 : min(begin + 1 + len(rows), sequence.num_prompt_tokens)]
        known = begin - len(generating.prompt_scores)
        if following and not known and top is not None:
            generating.prompt_scores += score_all(rows[: len(following)], following, top)

    def _learn(self) -> None:
        """While the next step runs: what the last one did, and took."""
        landed, self._landed = self._landed, None
        if landed is not None:
            self._tally.end(*landed)
            self._step_time.observe(landed.step.shape, landed.seconds)

    def _tell(self, changed: dict[int, Generating]) -> None:
        """While the next step runs: what the last one gave, and what grammars allow after it."""
        now_ns = self._now_ns()
        for number, generating in changed.items():
            if number not in self._generating:
                continue
            try:
                generated = generating.news(now_ns)
            except Exception as error:
                self._fail(generating, error)
                continue
            for choice in generating.choices:
                if choice.finish:
                    self._finish(choice)
            if generated is not None:
                self._reception.answer(number, generated, generating.finished)
            if generating.finished:
                del self._generating[number]

    def _look_ahead(self) -> None:
        """While the next step runs: what grammars allow after it, and what the model that drafts has yet to read."""
        for chunk in self._step.chunks if self._step is not None else ():
            found = self._choices.get(chunk.sequence.id)
            if chunk.samples and found is not None and found[1].masks is not None:
                try:
                    found[1].masks.fill(chunk.sequence.draft_ids[: chunk.num_drafts])
                except Exception as error:
                    self._fail(found[0], error)
        self.drafting.read_ahead([self._choices[each.id][1] for each in self._scheduler.running])

    # ---- ends

    def _finish(self, choice: Choice) -> None:
        """It needs no more steps."""
        if choice.sequence.status is not Status.FINISHED:
            (self._scheduler.complete if choice.finish else self._scheduler.finish)(choice.sequence)
        self._choices.pop(choice.sequence.id, None)
        self.drafting.forget(choice.sequence.id)

    def _forget(self, generating: Generating) -> None:
        del self._generating[generating.number]
        for choice in generating.choices:
            self._finish(choice)

    def _fail(self, generating: Generating, error: Exception) -> None:
        """A fault that is this generation's own ends it, and no other."""
        self._forget(generating)
        self._reception.refuse(generating.number, error)

    def _fail_all(self, step: Step, error: HeadraceError) -> None:
        """The step was not computed: what its sequences hold is not to be trusted."""
        for generating in _distinct(self._choices.get(chunk.sequence.id) for chunk in step.chunks):
            self._fail(generating, error)


class _Landed(NamedTuple):
    """A step that was computed, what it gave each of its chunks, what it took, and when it ended."""

    step: Step
    sampled: list[list[int]]
    seconds: float
    now_ns: int


ROWS_OF_LOGITS = 1 << 22
"""Numbers of a prompt's logits that one step may give: rows of a large vocabulary are large."""


def _distinct(found: Iterable[tuple[Generating, Choice] | None]) -> list[Generating]:
    return list({each[0].number: each[0] for each in found if each is not None}.values())

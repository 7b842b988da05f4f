"""Which tokens to compute in the next step. No arrays, no clock, no tokenizer.

One rule: a running sequence's computed tokens catch up with the tokens it knows, drafts included. A prompt in chunks, a
beginning found in the prefix cache, a sequence that was preempted and one that speculates differ only in how far apart
the two are.

A step is laid out in this order (stall-free batching of Sarathi-Serve, OSDI 2024, with a budget of time in place of
tokens): every sequence that is about to sample; then the chunks of prompts that were begun; then new prompts, within a
level tenants in turn, each one's by when its first token is due: first come first served where nobody was promised one.
Prompts get as many tokens as the step may take longer for them.

Where a pace was promised, a step takes no longer than that allows (see `credit.py`), and who is far ahead of it may be
left out of one. A request that would be late is refused before it is taken (see `admission.py`).

A request alone and in any company is computed by the same kernels (see Chunk), so that it has the same logits to the
bit, but for one thing: a prompt may find blocks with tokens that another sequence generated (a dialogue that goes on),
or after a preemption generated tokens may be found that came to another as a prompt. Those were computed one by one, or
together, where it would have been the other way round; their last bits differ.
"""

from bisect import insort
from collections.abc import Mapping
from collections.abc import Sequence as Values

import msgspec

from headrace.errors import ContextLengthExceeded, InvalidRequest, QueueFull
from headrace.llm.blocks import BlockPool
from headrace.llm.credit import divided
from headrace.llm.draft_length import DraftLength
from headrace.llm.giving_way import first_pressing, next_to_go, who_gives_way
from headrace.llm.prefix_cache import PrefixCache, extend_hashes
from headrace.llm.promises import Promises, There, is_pressing
from headrace.llm.sequence import Sequence, Status
from headrace.llm.step import Step
from headrace.llm.step_plan import Budget, StepPlan
from headrace.llm.step_time import StepTime, decode_shape, prefill_shape
from headrace.llm.tenant_turns import STARVED_NS, TenantTurns, token_weight

NOBODY: Mapping[str, float] = {}
FEW = 8  # uncomputed tokens at most of a sequence that is about to sample


class Limits(msgspec.Struct, frozen=True):
    """What a scheduler may do."""

    max_context: int  # tokens of one sequence
    max_sequences: int = 64  # that run at once
    max_waiting: int = 4096


class Scheduler:
    """Owns every sequence from `add` until it is finished, and the blocks of all."""

    def __init__(
        self,
        num_blocks: int,
        block_size: int,
        step_time: StepTime,
        limits: Limits,
        budget: Budget | None = None,
        weights: Mapping[str, float] = NOBODY,
    ) -> None:
        """`weights`: tenants' shares."""
        self.running: list[Sequence] = []  # in order
        self.waiting: list[Sequence] = []  # in order
        self.draft_length = DraftLength()
        self.num_preempted = 0
        self.num_found_tokens = 0  # of prompts, in the prefix cache
        self._cache = PrefixCache()
        self.pool = BlockPool(num_blocks, self._cache)
        self._block_size = block_size
        self._step_time = step_time
        self._limits = limits
        self._budget = budget or Budget()
        self.promises = Promises(step_time, self._budget, weights)
        self.turns = TenantTurns(weights)
        self._sequences: dict[int, Sequence] = {}
        self._under_way: dict[bytes, Sequence] = {}  # hashes of blocks that running sequences will have computed

    @property
    def busy(self) -> bool:
        """Whether a step has something to do."""
        return bool(self.running or self.waiting)

    def add(self, sequence: Sequence) -> None:
        """Take a new sequence; its `max_tokens` is lowered to what the context and the memory hold.

        Raises InvalidRequest (`prompt`) where it can never run, QueueFull where too many wait.
        """
        held = self.pool.capacity * self._block_size
        most = min(self._limits.max_context, held)
        length = sequence.num_prompt_tokens
        if not length:
            raise InvalidRequest("the prompt has no token; at least one is needed", "prompt")
        if length + 1 > most:
            what = "this model's maximum context length is" if most < held else "the key-value memory holds"
            raise ContextLengthExceeded(
                f"the prompt is too long: {length} tokens; {what} {most} tokens, with at least one for the answer",
                "prompt",
            )
        if len(self.waiting) >= self._limits.max_waiting:
            raise QueueFull(f"{len(self.waiting)} sequences wait already")
        left = most - length
        sequence.max_tokens = left if sequence.max_tokens is None else min(sequence.max_tokens, left)
        self._sequences[sequence.id] = sequence
        self._wait(sequence)

    def check(self, sequences: Values[Sequence], now_ns: int, under_way: Step | None, step_left_s: float) -> None:
        """Whether a request, of which these are the choices, may be added: they are all of one prompt.

        `under_way` is the step that is being computed, and takes so much longer. Raises WouldBeLate where it would not
        have what it was promised, or others would not.
        """
        first = sequences[0]
        if not first.terms.asks or len(first) + 1 > self.pool.capacity * self._block_size:
            return
        there = There(
            self.running, self.waiting, self._limits.max_sequences, self.pool.capacity, self._block_size, under_way
        )
        found = len(self._find(first)) * self._block_size
        refused = self.promises.refusal(sequences, found, there, now_ns, step_left_s)
        if refused is not None:
            raise refused

    def late(self, now_ns: int) -> list[tuple[Sequence, float]]:
        """Those that were never begun and whose first token cannot come in time any more, even alone and at once; with
        the seconds from their arrival in which it would come."""
        late = []
        for sequence in self.waiting:
            if sequence.first_due_ns is not None and sequence.started_ns is None:
                least = min(len(sequence), self._block_size)  # more may be found
                needs_ns = self._step_time.seconds(prefill_shape(0, least, 1)) * 1e9
                if now_ns + needs_ns > sequence.first_due_ns:
                    late.append((sequence, (now_ns + needs_ns - sequence.arrived_ns) / 1e9))
        return late

    def abort(self, sequence_id: int) -> Sequence | None:
        """Forget a sequence, wherever it is, and free its blocks; None where it is unknown or finished."""
        sequence = self._sequences.get(sequence_id)
        if sequence is not None:
            self.finish(sequence)
        return sequence

    def finish(self, sequence: Sequence) -> None:
        """It needs no more tokens: free its blocks. What a running step still computes for it is ignored."""
        if sequence.status is Status.FINISHED:
            return
        if sequence.status is Status.RUNNING:
            self._release(sequence)
        else:
            self._wait_no_more(sequence)
        sequence.status = Status.FINISHED
        del self._sequences[sequence.id]

    def complete(self, sequence: Sequence) -> None:
        """As `finish`, of one whose text ended by itself: there is something to learn from it."""
        if sequence.status is not Status.FINISHED:
            self.promises.completed(sequence)
        self.finish(sequence)

    def schedule(self, now_ns: int) -> Step:
        """The next step. Empty only where nothing is to be done (see `busy`)."""
        preempted = self._make_room()
        plan = StepPlan(self._block_size, self._step_time, self._budget)
        self.promises.note(self.running, now_ns)
        pressing = None if preempted else first_pressing(self.waiting, now_ns)
        if pressing is not None:
            preempted = self._make_way(pressing)
        for sequence in preempted:
            sequence.paused_ns = now_ns
        limit_s = self.promises.step_limit_s(self.running, now_ns)
        begun: list[Sequence] = []
        sampling: list[Sequence] = []
        for sequence in self.running:
            (sampling if sequence.num_uncomputed_tokens <= FEW else begun).append(sequence)
        if limit_s is not None:
            sampling = self._in_pace(sampling, limit_s, now_ns)
        for sequence in sampling:
            plan.add_sampling(sequence)
        seats = self._limits.max_sequences - len(self.running)
        coming = begun + self.waiting[: max(0, seats)]
        plan.open_to_prompts(coming, limit_s, any(is_pressing(each, now_ns) for each in coming))
        for sequence in begun:
            if not plan.full:
                plan.add_prompt(sequence, sequence.num_computed_tokens)
        if pressing is not None or not preempted:
            self._admit(plan, now_ns, pressing is not None)
        plan.add_drafts(self.draft_length, self._room_for_drafts)
        step = plan.step(preempted)
        self.promises.stepped(step, now_ns)
        return step

    def update(self, step: Step, sampled: list[list[int]]) -> None:
        """The step was computed, and the tokens sampled after each of its chunks are known.

        `sampled` has a list for each chunk: empty where it does not sample; otherwise the accepted drafts and the token
        chosen after them, or less where the text ends there. More are taken as known too, and computed later.
        """
        weight = token_weight(self._step_time)
        for chunk, ids in zip(step.chunks, sampled, strict=True):
            sequence = chunk.sequence
            self.turns.served(sequence.tenant, weight * len(ids))
            if sequence.status is not Status.RUNNING:
                continue
            drafts, sequence.draft_ids = sequence.draft_ids[: chunk.num_drafts], []
            num_accepted = 0
            while num_accepted < min(len(drafts), len(ids)) and drafts[num_accepted] == ids[num_accepted]:
                num_accepted += 1
            if drafts:
                self.draft_length.record(sequence, len(drafts), num_accepted)
            known = chunk.past + chunk.num_tokens - len(drafts)
            sequence.num_prompt_rows = min(known, sequence.num_prompt_tokens)
            sequence.token_ids.extend(ids)
            sequence.num_computed_tokens = min(known + num_accepted, len(sequence) - chunk.samples)
            self._enter_blocks(sequence)

    def _make_room(self) -> tuple[Sequence, ...]:
        """Give each running sequence blocks for what it knows, in order; where none is free, the last one must go.

        One to which nothing was promised goes before any other. The first of those that are left always gets what it
        needs, so the one that has come furthest is never the one that loses.
        """
        preempted = []
        index = 0
        while index < len(self.running):
            sequence = self.running[index]
            missing = self._num_blocks(len(sequence)) - len(sequence.blocks)
            if missing <= self.pool.num_free:
                if missing > 0:
                    sequence.blocks.extend(self.pool.allocate(missing))
                index += 1
                continue
            position = next_to_go(self.running)
            index -= position < index
            preempted.append(self.running[position])
            self._preempt(self.running[position])
        return tuple(preempted)

    def _make_way(self, pressing: Sequence) -> tuple[Sequence, ...]:
        """Let others give way to it where it has no room."""
        blocks = self._num_missing(pressing, self._find(pressing)) - self.pool.num_free
        seats = 1 + len(self.running) - self._limits.max_sequences
        giving = who_gives_way(self.running, pressing, blocks, seats)
        for sequence in giving:
            self._preempt(sequence)
        return tuple(giving)

    def _num_missing(self, sequence: Sequence, found: list[int]) -> int:
        """Blocks that must be free for it to begin: its own, and one for each that will want another before long."""
        missing = self._num_blocks(len(sequence) + 1) - len(found)
        return missing + self.pool.num_unheld(found) + len(self.running)

    def _preempt(self, sequence: Sequence) -> None:
        """Take its blocks away; the full ones stay in the prefix cache, so that little is computed again."""
        self._release(sequence)
        sequence.status = Status.WAITING
        sequence.num_preempted += 1
        self.num_preempted += 1
        self._wait(sequence)

    def _wait(self, sequence: Sequence) -> None:
        insort(self.waiting, sequence, key=_order)
        self.turns.entered(sequence)

    def _wait_no_more(self, sequence: Sequence) -> None:
        self.waiting.remove(sequence)
        self.turns.left(sequence)

    def _in_pace(self, sampling: Values[Sequence], limit_s: float, now_ns: int) -> list[Sequence]:
        """Those that get a token in the next step: the others are ahead, and wait for one with all that they hold."""
        shapes = [
            (each, each.pace, decode_shape(each.num_computed_tokens, each.num_uncomputed_tokens)) for each in sampling
        ]
        aim = self.promises.pace_aim.share
        kept, held = divided(shapes, limit_s, self._step_time.seconds, now_ns, aim)
        for sequence in held:
            sequence.draft_ids = []
        return kept

    def _admit(self, plan: StepPlan, now_ns: int, pressing: bool) -> None:
        """Start waiting sequences, in order, while there are seats, memory and time.

        One whose next block another computes right now is passed over: it will find it. The others wait their turn
        behind the first that has no room, so that the large are not starved by the small; but what was promised waits
        for none to which nothing was, and those wait where one is `pressing`.
        """
        if not self.waiting or plan.full or len(self.running) >= self._limits.max_sequences:
            return
        no_room = pressing
        for sequence in self.turns.in_order(self.waiting, now_ns):
            if plan.full or len(self.running) >= self._limits.max_sequences:
                break
            if sequence.waits_for in self._under_way or (no_room and not sequence.terms.asks):
                continue
            found = self._find(sequence)
            if sequence.waits_for in self._under_way or not self._may_join(sequence, now_ns):
                continue
            if self._num_missing(sequence, found) > self.pool.num_free:
                if sequence.terms.asks:
                    break
                no_room = True
                continue
            if not plan.add_prompt(sequence, len(found) * self._block_size):
                break
            self._start(sequence, found, now_ns)

    def _may_join(self, sequence: Sequence, now_ns: int) -> bool:
        """One to which nothing was promised waits while it would slow down those that were promised a pace."""
        if sequence.terms.asks or now_ns - sequence.arrived_ns > STARVED_NS:
            return True
        return self.promises.one_more_fits(self.running, sequence)

    def _find(self, sequence: Sequence) -> list[int]:
        """The blocks of its beginning that are computed; notes the hash of the next if that one can still be found.

        At least one token is left to compute, for its logits; where the prompt's rows are wanted, all that were not
        given yet. A last token of the prompt is not left alone (see Chunk): the block before it is computed again.
        """
        extend_hashes(sequence.hashes, sequence.token_ids, self._block_size, sequence.salt)
        most = len(sequence) - 1
        if sequence.prompt_rows:
            most = min(most, sequence.num_prompt_rows)
        most //= self._block_size
        last = sequence.num_prompt_tokens - 1
        if most and most * self._block_size == last:
            most -= 1
        found = self._cache.find(sequence.hashes, most)
        sequence.waits_for = sequence.hashes[len(found)] if len(found) < most else None
        if found and len(found) * self._block_size == last:
            del found[-1]
        return found

    def _start(self, sequence: Sequence, found: list[int], now_ns: int) -> None:
        self.pool.share(found)
        sequence.blocks.extend(found)
        sequence.blocks.extend(self.pool.allocate(self._num_blocks(len(sequence) + 1) - len(found)))
        sequence.num_computed_tokens = len(found) * self._block_size
        sequence.num_found_blocks = len(found)
        sequence.status = Status.RUNNING
        sequence.waits_for = None
        sequence.go_on(now_ns)
        if sequence.started_ns is None:
            sequence.started_ns = now_ns
            sequence.num_cached_tokens = sequence.num_computed_tokens
            self.num_found_tokens += sequence.num_computed_tokens
            self.turns.served(sequence.tenant, sequence.num_prompt_tokens - sequence.num_computed_tokens)
        for digest in sequence.hashes[len(found) :]:
            self._under_way.setdefault(digest, sequence)
        self._wait_no_more(sequence)
        insort(self.running, sequence, key=_order)

    def _release(self, sequence: Sequence) -> None:
        """Take a sequence out of those that run, and its blocks from it."""
        self.running.remove(sequence)
        for digest in sequence.hashes[sequence.num_found_blocks :]:
            if self._under_way.get(digest) is sequence:
                del self._under_way[digest]
        self.pool.free(sequence.blocks)
        del sequence.blocks[:]
        sequence.draft_ids = []
        sequence.num_computed_tokens = 0
        sequence.num_found_blocks = 0

    def _enter_blocks(self, sequence: Sequence) -> None:
        """Let the prefix cache find the blocks that became full. They hold no draft: those are no known tokens."""
        num_full = sequence.num_computed_tokens // self._block_size
        if num_full <= sequence.num_found_blocks:
            return
        extend_hashes(sequence.hashes, sequence.token_ids, self._block_size, sequence.salt)
        for index in range(sequence.num_found_blocks, num_full):
            digest = sequence.hashes[index]
            self._cache.enter(digest, sequence.blocks[index])
            if self._under_way.get(digest) is sequence:
                del self._under_way[digest]
        sequence.num_found_blocks = num_full

    def _room_for_drafts(self, sequence: Sequence, num_drafts: int) -> int:
        """How many drafts there are blocks for; takes the blocks. Nobody is preempted for a guess."""
        room = len(sequence.blocks) * self._block_size - len(sequence)
        missing = min(self._num_blocks(num_drafts - room), self.pool.num_free)
        if missing > 0:
            sequence.blocks.extend(self.pool.allocate(missing))
            room += missing * self._block_size
        return min(num_drafts, room)

    def _num_blocks(self, num_tokens: int) -> int:
        return -(-num_tokens // self._block_size)


def _order(sequence: Sequence) -> tuple[int, int, int]:
    return sequence.order

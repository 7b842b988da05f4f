"""A step while it is laid out: what is in it, what it will take, and how much more may go in."""

from collections.abc import Callable

import msgspec

from headrace.llm.draft_length import DraftLength
from headrace.llm.sequence import Sequence
from headrace.llm.step import Chunk, Step
from headrace.llm.step_time import StepShape, StepTime, decode_shape, prefill_shape

LEAST_ALONE = 256  # tokens of a chunk where nobody samples: smaller ones read the weights too often
PIECE = 8  # of a block: so many at least are computed, and no more where a block takes too long


class Budget(msgspec.Struct, frozen=True):
    """How long a step may become for the sake of prompts."""

    max_chunk: int = 512  # tokens of prompts
    max_prompt_rows: int = 64  # rows of logits that tell of prompts: they are large
    stretch: float = 2.4  # times what a step takes without prompts: below 3 whatever the machine's neighbours do
    patience_s: float = 0.05  # where more wait for their first token than for their next: a reader's pace
    longest_s: float = 0.25  # how soon a newcomer or a cancel is noticed
    ending: float = 2.0  # times that, where it ends a prompt that is alone: its rest would read all weights again


class StepPlan:
    """Chunks are added in the order of `Scheduler.schedule`: those that sample, prompts, drafts."""

    def __init__(self, block_size: int, step_time: StepTime, budget: Budget) -> None:
        self._block_size = block_size
        self._step_time = step_time
        self._chunks: list[Chunk] = []
        self._shape = StepShape()
        self._tokens_left = budget.max_chunk
        self._rows_left = budget.max_prompt_rows
        self._budget = budget
        self._until_s = budget.longest_s
        self._margin = step_time.margin
        self._least = min(LEAST_ALONE, budget.max_chunk)
        self._num_sampling = 0
        self._num_prompts = 0
        self.full = False  # no prompt may be added

    def add_sampling(self, sequence: Sequence) -> None:
        """The last known tokens of a sequence, or of its prompt where that has not ended; whatever they cost."""
        past = sequence.num_computed_tokens
        self._add(sequence, past, _at_most(sequence, past))
        self._num_sampling += 1

    def open_to_prompts(self, coming: list[Sequence], limit_s: float | None = None, pressing: bool = True) -> None:
        """All that sample are in: how long may it become?

        As long as `limit_s`, where a pace was promised, which is kept on the average: what one step takes more than was
        expected, the next ones are given less. Then a block of a prompt is computed, whatever it takes, only where one
        is `pressing`. Otherwise a piece of one always is, and the step may take a few times what a step takes now; or
        will take once those that are coming sample too, because that is the pace that everyone's tokens will come at.
        So one that decodes does not hold up sixty prompts.
        """
        if not self._chunks:
            return
        if limit_s is not None:
            self._least = self._block_size if pressing else 0
            self._until_s = min(limit_s, self._budget.longest_s)
            self._margin = 1.0
            return
        self._least = PIECE
        crowd = self._shape + StepShape(len(coming), len(coming), sum(map(len, coming)))
        then_s = self._budget.stretch * self._step_time.seconds(crowd)
        if len(coming) > self._num_sampling:
            then_s = max(then_s, self._budget.patience_s)
        now_s = self._budget.stretch * self._step_time.seconds(self._shape)
        self._until_s = max(now_s, min(then_s, self._budget.longest_s))

    def add_prompt(self, sequence: Sequence, past: int) -> bool:
        """As many tokens from `past` on as there is time for, ending with a block or with the prompt; else False.

        What is known behind the prompt's end is left for a later step than the one with that end (see Chunk).
        Where no block fits and one must be begun, they end within it: far into a prompt, a block takes several steps'
        time.
        It may be a token more, of the prompt's: neither this piece nor the next is a single one (see Chunk).
        """
        remaining = _at_most(sequence, past)
        count = self._largest(sequence, past, min(remaining, max(0, self._tokens_left)))
        count = _without_singles(count, sequence.num_prompt_tokens - past)
        self.full = count < remaining
        if not count:
            return False
        self._tokens_left -= count
        self._rows_left -= _num_prompt_rows(sequence, past, count)
        self._num_prompts += 1
        self._add(sequence, past, count)
        return True

    def add_drafts(self, draft_length: DraftLength, room: Callable[[Sequence, int], int]) -> None:
        """Drafts where they pay; none where prompts have the time that they would take, and none behind a prompt's end
        in the step that computes it (see Chunk).

        `room(sequence, n)` says how many of n drafts the memory holds.
        """
        if self._num_prompts:
            return
        offering = []
        for index, chunk in enumerate(self._chunks):
            drafts = chunk.sequence.draft_ids
            del drafts[max(0, chunk.sequence.num_tokens_left - 1) :]  # a token is chosen after them
            if drafts and chunk.past >= chunk.sequence.num_prompt_tokens:
                offering.append(index)
        sequences = [self._chunks[index].sequence for index in offering]
        shape, step_time = self._shape, self._step_time
        context = sum(map(len, sequences)) // max(1, len(sequences))  # each draft reads it
        lengths = draft_length.choose(
            sequences,
            self._num_sampling,
            lambda count: step_time.seconds(shape + StepShape(count, count, count * context)),
            step_time.change_s,
        )
        for index, sequence, length in zip(offering, sequences, lengths, strict=True):
            count = room(sequence, length) if length else 0
            if count:
                chunk = self._chunks[index]
                self._chunks[index] = msgspec.structs.replace(
                    chunk, num_tokens=chunk.num_tokens + count, num_drafts=count, num_rows=chunk.num_rows + count
                )
                self._shape += decode_shape(len(sequence), count)

    def step(self, preempted: tuple[Sequence, ...]) -> Step:
        return Step(tuple(self._chunks), preempted, self._shape, self._step_time.seconds(self._shape))

    def _largest(self, sequence: Sequence, past: int, most: int) -> int:
        """The largest chunk of at most `most` tokens that fits in what is left of time and rows; 0: none."""
        if sequence.prompt_rows:
            most = min(most, max(0, self._rows_left) + max(0, sequence.num_prompt_rows - past))
        ending = 1.0 if self._chunks else self._budget.ending
        if most == _at_most(sequence, past) and self._in_time(sequence, past, most, ending):
            return most
        first = past // self._block_size + 1
        low, high = 0, (past + most) // self._block_size + 1 - first  # whole blocks: low fit, those from high on do not
        while low < high:
            middle = (low + high + 1) // 2
            if self._in_time(sequence, past, (first + middle - 1) * self._block_size - past):
                low = middle
            else:
                high = middle - 1
        count = (first + low - 1) * self._block_size - past if low else 0
        if self._num_prompts:
            return count
        if not count and self._least == PIECE:
            return self._pieces(sequence, past, min(most, first * self._block_size - past))
        least = min((past + self._least) // self._block_size * self._block_size - past, most)
        return max(count, least)

    def _pieces(self, sequence: Sequence, past: int, most: int) -> int:
        """Of a block of which `most` tokens are too many: as many pieces as fit, and one at least."""
        count = (most - 1) // PIECE * PIECE
        while count > PIECE and not self._in_time(sequence, past, count):
            count -= PIECE
        return min(max(count, PIECE), most)

    def _in_time(self, sequence: Sequence, past: int, count: int, stretch: float = 1.0) -> bool:
        seconds = self._step_time.seconds(self._shape + _shape(sequence, past, count))
        return seconds * self._margin <= stretch * self._until_s

    def _add(self, sequence: Sequence, past: int, count: int) -> None:
        samples = past + count == len(sequence)
        num_rows = max(int(samples), _num_prompt_rows(sequence, past, count))
        self._chunks.append(Chunk(sequence, past, count, 0, num_rows, samples))
        self._shape += _shape(sequence, past, count)


def _at_most(sequence: Sequence, past: int) -> int:
    """Tokens from `past` on that one chunk may have: the rest of the prompt, or what is known behind it (see Chunk)."""
    end = sequence.num_prompt_tokens if past < sequence.num_prompt_tokens else len(sequence)
    return end - past


def _without_singles(count: int, left: int) -> int:
    """Tokens to take where `left` are left of a prompt: `count`, or a little more; none stays none.

    Neither these nor those that are left then are one token; `left` itself is 1 only of a prompt that is one token.
    """
    if not count or left < 2:
        return count
    count = max(count, 2)
    return left if count == left - 1 else count


def _num_prompt_rows(sequence: Sequence, past: int, count: int) -> int:
    """Rows that tell of the prompt in a chunk: of tokens of which none was given yet."""
    if not sequence.prompt_rows:
        return 0
    end = min(past + count, sequence.num_prompt_tokens)
    return max(0, end - max(past, sequence.num_prompt_rows))


def _shape(sequence: Sequence, past: int, count: int) -> StepShape:
    """A piece of the prompt; or tokens behind it, one by one: each of those reads what is before it."""
    samples = past + count == len(sequence)
    num_rows = max(int(samples), _num_prompt_rows(sequence, past, count))
    if past < sequence.num_prompt_tokens > 1:
        return prefill_shape(past, count, num_rows)
    return StepShape(count, num_rows, count * past + count * (count - 1) // 2)

"""What a model that drafts has computed of each text, and the blocks that hold it. No arrays, no model.

The same rule as the scheduler's: computed tokens catch up with known ones. A text's tokens here are those that its
sequence knows and, behind them, the tokens drafted last; of those the ones stay that became known meanwhile.
"""

from array import array
from collections.abc import Iterable

from headrace.llm.blocks import BlockPool
from headrace.llm.prefix_cache import PrefixCache, extend_hashes
from headrace.llm.sequence import Sequence, Status


class DraftText:
    """One sequence as the model that drafts has it. Changed by DraftTexts only."""

    __slots__ = ("known", "num_known", "own")

    def __init__(self, known: Sequence) -> None:
        self.known = known
        self.own = Sequence(known.id, (), salt=known.salt)  # its tokens, its blocks, how many are computed
        self.num_known = 0  # of its own tokens: those after them are drafts

    @property
    def lag(self) -> int:
        """Known tokens that are yet to be computed: at least one, whose logits say the first draft."""
        return self.num_known - self.own.num_computed_tokens


class DraftTexts:
    """Owns the texts and their blocks, from the first time that a sequence is followed until it is forgotten."""

    def __init__(self, num_blocks: int, block_size: int, vocabulary: int, max_context: int) -> None:
        """`vocabulary` and `max_context` are those of the model that drafts."""
        self._cache = PrefixCache()
        self.pool = BlockPool(num_blocks, self._cache)
        self._block_size = block_size
        self._vocabulary = vocabulary
        self._max_context = max_context
        self._texts: dict[int, DraftText] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def follow(self, sequence: Sequence) -> DraftText:
        """The text of a sequence, with all tokens that this knows now."""
        text = self._texts.get(sequence.id)
        if text is None:
            text = self._texts[sequence.id] = DraftText(sequence)
        own, begin = text.own, text.num_known
        drafts, new = own.token_ids[begin:], sequence.token_ids[begin:]
        right = _num_equal(drafts, new)
        del own.token_ids[begin + right :]
        own.token_ids.extend(self._readable(new[right:]))
        text.num_known = len(sequence)
        own.num_computed_tokens = min(own.num_computed_tokens, begin + right, text.num_known - 1)
        if not own.blocks:
            self._find(own)
        return text

    def room(self, text: DraftText, num_tokens: int) -> int:
        """How many of the text's first `num_tokens` there are blocks for; takes the blocks."""
        own = text.own
        num_tokens = min(num_tokens, self._max_context)
        missing = -(-num_tokens // self._block_size) - len(own.blocks)
        missing = min(missing, self.pool.num_free)
        if missing > 0:
            own.blocks.extend(self.pool.allocate(missing))
        return min(num_tokens, len(own.blocks) * self._block_size)

    def computed(self, text: DraftText, num_tokens: int) -> None:
        """The first `num_tokens` are computed; full blocks of known ones can be found from now on."""
        own = text.own
        own.num_computed_tokens = num_tokens
        num_full = min(num_tokens, text.num_known) // self._block_size
        if num_full <= own.num_found_blocks:
            return
        extend_hashes(own.hashes, own.token_ids[: num_full * self._block_size], self._block_size, own.salt)
        for index in range(own.num_found_blocks, num_full):
            self._cache.enter(own.hashes[index], own.blocks[index])
        own.num_found_blocks = num_full

    def forget(self, sequence_id: int) -> None:
        """Its blocks are free; the full ones can still be found. An unknown sequence is no fault."""
        text = self._texts.pop(sequence_id, None)
        if text is not None:
            self.pool.free(text.own.blocks)

    def sweep(self) -> None:
        """Forget those that do not run any more: they were preempted."""
        for text in [text for text in self._texts.values() if text.known.status is not Status.RUNNING]:
            self.forget(text.known.id)

    def check(self) -> None:
        """Raise AssertionError unless exactly the blocks of the texts are held."""
        self.pool.check(text.own.blocks for text in self._texts.values())

    def _find(self, own: Sequence) -> None:
        """Share what was computed of its beginning for another text; a token is left to compute, for its logits."""
        extend_hashes(own.hashes, own.token_ids, self._block_size, own.salt)
        found = self._cache.find(own.hashes, (len(own) - 1) // self._block_size)
        self.pool.share(found)
        own.blocks.extend(found)
        own.num_computed_tokens = len(found) * self._block_size
        own.num_found_blocks = len(found)

    def _readable(self, token_ids: "array[int]") -> Iterable[int]:
        """Tokens that the model has no row for are read as another: what it drafts is only a guess."""
        if max(token_ids, default=0) < self._vocabulary:
            return token_ids
        return [token_id if token_id < self._vocabulary else 0 for token_id in token_ids]


def _num_equal(some: "array[int]", others: "array[int]") -> int:
    """How many of the first tokens are the same."""
    count = 0
    for one, other in zip(some, others, strict=False):
        if one != other:
            break
        count += 1
    return count

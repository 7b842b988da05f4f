"""The pool of key-value blocks: who holds which, counted; no memory, no tokens.

Every block but number 0 is in exactly one of three places:

    empty   held by nobody, content worthless
    kept    held by nobody, content found by the prefix cache: given away when no block is empty
    held    by one or more sequences
"""

from collections.abc import Iterable, Sequence

from headrace.llm.prefix_cache import PrefixCache


class BlockPool:
    """Blocks 1 to num_blocks - 1; block 0 belongs to nobody. Owned by the scheduler."""

    def __init__(self, num_blocks: int, cache: PrefixCache) -> None:
        self.num_blocks = num_blocks
        self.capacity = num_blocks - 1
        self._cache = cache
        self._empty = list(range(num_blocks - 1, 0, -1))  # a stack: low numbers first, so that memory is touched late
        self._kept: dict[int, None] = {}  # the least recently used first
        self._holders = [0] * num_blocks

    @property
    def num_free(self) -> int:
        """Blocks that `allocate` can give: empty ones, and those that only the prefix cache still wants."""
        return len(self._empty) + len(self._kept)

    @property
    def num_used(self) -> int:
        """Blocks held by sequences."""
        return self.capacity - self.num_free

    def num_unheld(self, blocks: Iterable[int]) -> int:
        """How many of these blocks are held by nobody: sharing them makes so many fewer free."""
        return sum(not self._holders[block] for block in blocks)

    def allocate(self, count: int) -> list[int]:
        """`count` blocks, each with one holder: empty ones first, then the least recently used of the prefix cache.

        The caller has seen to it that so many are free.
        """
        assert count <= self.num_free, f"{count} blocks wanted, {self.num_free} free"
        blocks = []
        for _ in range(count):
            if self._empty:
                block = self._empty.pop()
            else:
                block = next(iter(self._kept))
                del self._kept[block]
                self._cache.forget(block)
            self._holders[block] = 1
            blocks.append(block)
        return blocks

    def share(self, blocks: Iterable[int]) -> None:
        """One more holder for each of these blocks, which the prefix cache found."""
        for block in blocks:
            if not self._holders[block]:
                del self._kept[block]
            self._holders[block] += 1

    def free(self, blocks: Sequence[int]) -> None:
        """One holder fewer for each of a sequence's blocks, given in the order of its text.

        The last are freed first and so reused first: a block is of no use without those before it.
        """
        for block in reversed(blocks):
            self._holders[block] -= 1
            if self._holders[block]:
                continue
            if block in self._cache:
                self._kept[block] = None
            else:
                self._empty.append(block)

    def check(self, tables: Iterable[Iterable[int]]) -> None:
        """Raise AssertionError unless exactly the blocks of these tables are held, each as often as it occurs."""
        expected = [0] * self.num_blocks
        for table in tables:
            for block in table:
                expected[block] += 1
        assert expected == self._holders
        unheld = sorted(block for block in range(1, self.num_blocks) if not self._holders[block])
        assert unheld == sorted([*self._empty, *self._kept]), "each free block is in one place"
        assert all(block in self._cache for block in self._kept)
        assert not any(block in self._cache for block in self._empty)

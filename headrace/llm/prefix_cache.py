"""Full blocks found again by their content. Knows hashes and block numbers, not who holds a block.

A block's hash covers all tokens from the start of the text to its own last, and the salt: the keys and values of a
token depend on every token before it. 128 bits of BLAKE2b: two different texts do not meet.
"""

from array import array
from hashlib import blake2b

HASH_BYTES = 16


def extend_hashes(hashes: list[bytes], token_ids: "array[int]", block_size: int, salt: str) -> None:
    """Append the hashes of those full blocks of `token_ids` (int64) that `hashes` lacks."""
    for first in range(len(hashes) * block_size, len(token_ids) - block_size + 1, block_size):
        before = hashes[-1] if hashes else blake2b(salt.encode(), digest_size=HASH_BYTES).digest()
        block = token_ids[first : first + block_size].tobytes()
        hashes.append(blake2b(before + block, digest_size=HASH_BYTES).digest())


class PrefixCache:
    """Which block holds the content of a hash. Filled by the scheduler, emptied by the pool as it reuses blocks."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, int] = {}
        self._hashes: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, block: int) -> bool:
        """Whether a block can be found."""
        return block in self._hashes

    def enter(self, digest: bytes, block: int) -> None:
        """From now on the block is found by its hash; the first block of a content stays the one that is found."""
        if digest not in self._blocks:
            self._blocks[digest] = block
            self._hashes[block] = digest

    def find(self, hashes: list[bytes], most: int) -> list[int]:
        """The blocks of the longest known beginning of `hashes`, at most `most`. They may be held by nobody."""
        found = []
        for digest in hashes[:most]:
            block = self._blocks.get(digest)
            if block is None:
                break
            found.append(block)
        return found

    def forget(self, block: int) -> None:
        """Its content is about to be overwritten."""
        del self._blocks[self._hashes.pop(block)]

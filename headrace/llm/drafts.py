"""Guesses at the next tokens from the text itself: what came after the same few tokens before (prompt lookup)."""

from array import array

SIZES = (8, 4, 3, 2)  # tokens that must be the same; more say more, and eight hardly ever are by chance


class NgramDrafter:
    """Finds, in constant time a token, where the last tokens of one growing text stood before.

    Reads the text when it is told to or asked for drafts, so that it costs nothing while nobody drafts.
    """

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}  # where the text went on after these tokens, the last time
        self._num_read = 0

    def propose(self, token_ids: "array[int]", most: int, least: int = 0) -> tuple[list[int], int]:
        """Up to `most` tokens that may follow, and how many last tokens were found again (0: none, and no tokens).

        Fewer than `least` are not looked for.

        `token_ids` is the text of the last call and what was added to it. Where the place found is so near the end that
        the text there runs out, it is taken to repeat itself.
        """
        self.read(token_ids)
        last = tuple(token_ids[-SIZES[0] :])
        for size in SIZES:
            if size < least:
                break
            begin = self._after.get(last[-size:]) if len(token_ids) > size else None
            if begin is not None:
                ids = token_ids[begin : begin + most].tolist()
                for position in range(most - len(ids)):
                    ids.append(ids[position])
                return ids, size
        return [], 0

    def read(self, token_ids: "array[int]") -> None:
        """Note what follows every token but the last, of which it is not known yet."""
        for end in range(max(self._num_read, 1), len(token_ids)):
            before = tuple(token_ids[max(0, end - SIZES[0]) : end])
            for size in SIZES:
                if end >= size:
                    self._after[before[-size:]] = end
        self._num_read = len(token_ids)

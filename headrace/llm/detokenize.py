"""Tokens to text as they come, for one sequence: no character before all its bytes are there."""

import codecs
from collections.abc import Collection

from headrace.llm.tokenizer import Tokenizer


class Detokenizer:
    """Gives the text that each token completes. All pieces one after another, `finish` included, are `decode` of all.

    `at_start` says that the text begins with these tokens, so that a space which the tokenizer put there is left out;
    what continues a prompt keeps it. Constant time for each token.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        skip_special: bool = True,
        at_start: bool = False,
        shown: Collection[int | None] = (),
    ) -> None:
        """`shown`: special tokens that are text all the same."""
        self._bytes = tokenizer.token_bytes
        self._skipped = tokenizer.special_ids.difference(shown) if skip_special else frozenset[int | None]()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._drop_space = at_start and tokenizer.leading_space

    def feed(self, token_id: int) -> str:
        """The text that this token completes; empty while a character lacks bytes."""
        if token_id in self._skipped:
            return ""
        piece = self._bytes(token_id)
        if self._drop_space and piece:
            self._drop_space = False
            piece = piece.removeprefix(b" ")
        return self._decode(piece)

    def hidden(self, token_id: int) -> int:
        """Bytes of the token that are no text: all of one that is skipped."""
        return len(self._bytes(token_id)) if token_id in self._skipped else 0

    def finish(self) -> str:
        """What is left of a character whose bytes never came: U+FFFD, or nothing."""
        return self._decode(b"", True)

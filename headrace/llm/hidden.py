"""What the text of a prompt does not show of its tokens: special ones that are not in it, a tokenizer's own spaces."""

from collections.abc import Sequence

from headrace.llm.tokenizer import Tokenizer
from headrace.text_offsets import TextOffsets


def hidden_bytes(tokenizer: Tokenizer, token_ids: Sequence[int], text: str) -> list[int]:
    """How many bytes at the beginning of each token the text lacks, which is what these tokens are of."""
    offsets, hidden, fresh = TextOffsets(), list[int](), True
    for place, token_id in enumerate(token_ids):
        spelled, lacking = tokenizer.token_bytes(token_id), 0
        if token_id in tokenizer.special_ids:
            lacking = 0 if text.startswith(spelled.decode("utf-8", "replace"), offsets.after) else len(spelled)
            fresh = True
        elif fresh and spelled:
            # here a tokenizer may have put a space: there is one more than in the text
            lacking = int(_spaces_ahead(tokenizer, token_ids, place) > _spaces(text, offsets.after))
            fresh = False
        hidden.append(lacking)
        offsets.next(spelled[lacking:])
    return hidden


def _spaces_ahead(tokenizer: Tokenizer, token_ids: Sequence[int], place: int) -> int:
    """That the tokens from there on begin with, up to the next special one."""
    count = 0
    for at in range(place, len(token_ids)):
        spelled = tokenizer.token_bytes(token_ids[at])
        if token_ids[at] in tokenizer.special_ids:
            break
        count += len(spelled) - len(spelled.lstrip(b" "))
        if spelled.strip(b" "):
            break
    return count


def _spaces(text: str, at: int) -> int:
    end = at
    while text.startswith(" ", end):
        end += 1
    return end - at

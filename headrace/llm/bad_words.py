"""Words that must not be generated, as tokens: each as a text begins with it, and as it stands behind a space."""

from collections.abc import Sequence

from headrace.errors import InvalidRequest
from headrace.generation import MAX_BAD_CHARACTERS
from headrace.llm.tokenizer import Tokenizer


def spellings(words: Sequence[str], tokenizer: Tokenizer, vocabulary: int) -> list[list[int]]:
    """The tokens of each word, without those that have one which the model lacks: it cannot write them.

    White space before a word is not part of it. Raises InvalidRequest for one of which no token is left, and for more
    text than is looked for.
    """
    bare = [word.lstrip() for word in words]
    if (characters := sum(map(len, bare))) > MAX_BAD_CHARACTERS:
        raise InvalidRequest(f"at most {MAX_BAD_CHARACTERS:,} characters may be given, not {characters:,}", "bad_words")
    spelt = tokenizer.encode_many([*bare, *(f" {word}" for word in bare)], add_special=False)
    for index, token_ids in enumerate(spelt[: len(words)]):
        if not token_ids:
            raise InvalidRequest("is white space, or no token of the model", f"bad_words[{index}]")
    return [token_ids for token_ids in spelt if token_ids and max(token_ids) < vocabulary]

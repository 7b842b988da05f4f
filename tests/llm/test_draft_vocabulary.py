"""Whether two models know the same tokens."""

from headrace.llm.draft_vocabulary import difference
from headrace.llm.tokenizer import Tokenizer, load
from headrace.weights.checkpoint import TokenizerSource
from tests.llm.tokenizing import byte_level_fields

TOKENS = byte_level_fields()["tokens"]


def known(tokens: list[str]) -> Tokenizer:
    fields = byte_level_fields(tokens=tokens, token_type=[3] * 3 + [1] * (len(tokens) - 3))
    there = set(tokens)
    merges = [merge for merge in fields["merges"] if {*merge.split(" "), merge.replace(" ", "")} <= there]
    return load(TokenizerSource(fields=fields | {"merges": merges}))


def test_the_same_tokens_are_no_difference() -> None:
    assert difference(known(TOKENS), known(TOKENS)) == ""


def test_a_few_tokens_that_fill_a_vocabulary_up_are_none_either() -> None:
    filled = known([*TOKENS, "[PAD0]", "[PAD1]"])
    assert difference(known(TOKENS), filled) == difference(filled, known(TOKENS)) == ""


def test_a_number_that_stands_for_another_token_is_told() -> None:
    swapped = [*TOKENS[:20], TOKENS[21], TOKENS[20], *TOKENS[22:]]
    assert (
        difference(known(TOKENS), known(swapped)) == f"token 20 is {TOKENS[21]!r} there and {TOKENS[20]!r} in the model"
    )


def test_a_vocabulary_of_another_size_is_told() -> None:
    larger = known([*TOKENS, *(f"[PAD{number}]" for number in range(50))])
    assert difference(known(TOKENS), larger) == f"it has {len(TOKENS) + 50} tokens, the model {len(TOKENS)}"

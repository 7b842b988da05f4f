"""What a text does not show of its tokens is known."""

from headrace.llm.hidden import hidden_bytes
from headrace.llm.tokenizer import Tokenizer
from headrace.text_offsets import TextOffsets
from tests.llm.tokenizing import byte_level_fields, made, sentencepiece_fields

PREFIXED = made(sentencepiece_fields("prefix"))
PLAIN = made(byte_level_fields())
BOS, END = "<s>", "</s>"


def offsets(tokenizer: Tokenizer, token_ids: list[int], text: str) -> list[int]:
    counted = TextOffsets()
    hidden = hidden_bytes(tokenizer, token_ids, text)
    return [counted.next(tokenizer.token_bytes(each)[h:]) for each, h in zip(token_ids, hidden, strict=True)]


def ids(tokenizer: Tokenizer, *names: str) -> list[int]:
    found = [tokenizer.token_id(name) for name in names]
    return [each for each in found if each is not None]


def test_a_special_token_that_is_not_in_the_text_has_no_length() -> None:
    token_ids = [*ids(PREFIXED, BOS), *PREFIXED.encode("The model", add_special=False)]
    assert offsets(PREFIXED, token_ids, "The model")[:2] == [0, 0]
    last = PREFIXED.token_text(token_ids[-1])
    assert offsets(PREFIXED, token_ids, "The model")[-1] == len("The model") - len(last)


def test_one_that_is_has_its_own() -> None:
    (begin,) = ids(PLAIN, "<|im_start|>")
    token_ids = PLAIN.encode("<|im_start|>The", add_special=False)
    assert token_ids[0] == begin
    assert offsets(PLAIN, token_ids, "<|im_start|>The")[:2] == [0, 12]


def test_spaces_that_are_the_tokenizers_own_are_not_counted_and_those_of_the_text_are() -> None:
    for text in ("The", " The", "  The", "\nThe"):
        token_ids = PREFIXED.encode(text, add_special=False)
        lengths = sum(len(PREFIXED.token_text(each)) for each in token_ids)
        assert sum(hidden_bytes(PREFIXED, token_ids, text)) == lengths - len(text)


def test_a_text_whose_own_space_comes_first_keeps_it() -> None:
    token_ids = PLAIN.encode(" model", add_special=False)
    assert sum(hidden_bytes(PLAIN, token_ids, " model")) == 0


def test_characters_that_never_became_whole_are_counted_as_they_are_shown() -> None:
    (begin,) = ids(PLAIN, "<|im_start|>")
    half = next(each for each in range(PLAIN.vocabulary) if PLAIN.token_bytes(each) == b"\xe6")
    assert hidden_bytes(PLAIN, [half, begin, half], "�<|im_start|>�") == [0, 0, 0]
    assert hidden_bytes(PLAIN, [half, begin, half], "��") == [0, 12, 0]

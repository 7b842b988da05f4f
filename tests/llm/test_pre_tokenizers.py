"""Text is cut as the models were trained."""

import json

import pytest
from tokenizers import pre_tokenizers

from headrace.llm.pre_tokenizers import PRE_TOKENIZERS


def cut(name: str, text: str) -> list[str]:
    """The pieces of a text."""
    steps = {"type": "Sequence", "pretokenizers": [dict(step) for step in PRE_TOKENIZERS[name].steps]}
    library = pre_tokenizers.ByteLevel()
    sequence = pre_tokenizers.Sequence([library])
    sequence.__setstate__(json.dumps(steps).encode())
    return [text[begin:end] for _, (begin, end) in sequence.pre_tokenize_str(text)]


TEXT = "It's HEs 12345 ok!!\n\n  x\t(y)"


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("gpt-2", ["It", "'s", " HEs", " 12345", " ok", "!!", "\n\n ", " x", "\t", "(", "y", ")"]),
        ("smollm", ["It", "'s", " HEs", " ", "1", "2", "3", "4", "5", " ok", "!!", "\n\n ", " x", "\t", "(", "y", ")"]),
        ("llama-bpe", ["It", "'s", " HEs", " ", "123", "45", " ok", "!!\n\n", " ", " x", "\t", "(y", ")"]),
        ("qwen2", ["It", "'s", " HEs", " ", "1", "2", "3", "4", "5", " ok", "!!\n\n", " ", " x", "\t", "(y", ")"]),
        ("tekken", ["It", "'s", " HEs", " ", "1", "2", "3", "4", "5", " ok", "!!\n\n", " ", " x", "\t", "(y", ")"]),
        ("gpt-4o", ["It's", " HEs", " ", "123", "45", " ok", "!!\n\n", " ", " x", "\t", "(y", ")"]),
    ],
)
def test_a_name_stands_for_the_cut_of_its_family(name: str, pieces: list[str]) -> None:
    assert cut(name, TEXT) == pieces


@pytest.mark.parametrize("name", sorted(PRE_TOKENIZERS))
def test_nothing_is_lost_between_the_pieces(name: str) -> None:
    assert "".join(cut(name, TEXT)) == TEXT

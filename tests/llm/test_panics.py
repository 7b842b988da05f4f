"""A tokenizer.json that the library breaks down over is refused by its name."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ModelInvalid
from headrace.llm.panics import sound
from headrace.llm.tokenizer import load
from headrace.llm.tokenizer_gguf import tokenizer_json
from headrace.weights.checkpoint import TokenizerSource
from tests.llm.tokenizing import byte_level_fields

SEQUENCE = {"Sequence": {"id": "A", "type_id": 0}}
LACKING = {"SpecialToken": {"id": "<lacking>", "type_id": 0}}


@pytest.mark.parametrize(
    "fault",
    [
        {"normalizer": {"type": "Prepend", "prepend": ""}},
        {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}},
        {
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [LACKING, SEQUENCE],
                "pair": [SEQUENCE, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {},
            }
        },
    ],
)
def test_a_file_that_the_library_panics_over_is_refused(tmp_path: Path, fault: dict[str, Any]) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({**tokenizer_json(byte_level_fields()), **fault}))
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json: the tokenizer reads no text"):
        load(TokenizerSource(json=tmp_path / "tokenizer.json"))


def test_a_text_that_is_only_refused_says_nothing_of_the_file() -> None:
    with sound("tokenizer.json"):
        raise ValueError("no such word")


def test_who_stops_the_program_is_not_held_up() -> None:
    with pytest.raises(KeyboardInterrupt), sound("tokenizer.json"):
        raise KeyboardInterrupt

"""Texts to calibrate on are not those that the result is held against."""

from pathlib import Path

import pytest

from tools.sample_texts import LONGEST, calibration, encoded, evaluation

TOKENIZER = Path(__file__).parents[2] / "models" / "minilm" / "tokenizer.json"


def test_no_text_is_both_calibrated_on_and_held_against() -> None:
    assert len(calibration()) >= 30
    assert len(evaluation()) >= 30
    assert not set(calibration()) & set(evaluation())
    assert not [text for text in (*calibration(), *evaluation()) if text.startswith("#") or not text]


@pytest.mark.skipif(not TOKENIZER.is_file(), reason="make setup has not placed the models")
def test_a_text_is_a_batch_of_one_row_of_its_own_length() -> None:
    short, long = encoded(["Call me Ishmael.", "and so on " * 200], TOKENIZER)
    assert short["input_ids"].shape == short["attention_mask"].shape == short["token_type_ids"].shape
    assert short["input_ids"].shape[0] == 1
    assert short["input_ids"].shape[1] < 12
    assert long["input_ids"].shape == (1, LONGEST)

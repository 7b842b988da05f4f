"""The texts of `sample_texts.txt`: a half to calibrate quantised models on, the other to hold them against."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

FILE = Path(__file__).with_suffix(".txt")
LONGEST = 256  # tokens

Encoded = dict[str, NDArray[np.int64]]


def calibration() -> list[str]:
    return _texts()[::2]


def evaluation() -> list[str]:
    return _texts()[1::2]


def encoded(texts: Sequence[str], tokenizer: Path) -> list[Encoded]:
    """Each text as a BERT takes it: a batch of one row."""
    reads = Tokenizer.from_file(str(tokenizer))
    reads.no_padding()
    reads.enable_truncation(LONGEST)
    found = reads.encode_batch(list(texts))
    return [
        {
            "input_ids": np.array([each.ids], np.int64),
            "attention_mask": np.array([each.attention_mask], np.int64),
            "token_type_ids": np.array([each.type_ids], np.int64),
        }
        for each in found
    ]


def _texts() -> list[str]:
    lines = (line.strip() for line in FILE.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]

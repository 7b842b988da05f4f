"""Have `transformers` answer for the folders of tests/weights/modern.py, and keep it in golden_modern.npz beside it.

Needs torch and transformers, which headrace and its tests do not: run it in an environment of its own, from the
repository's root, with `python -m tools.golden_modern`, numpy and msgspec installed beside them.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found]
import transformers  # type: ignore[import-not-found]

from tests.weights.models import write_folder
from tests.weights.modern import MODERN, TEXTS, modern_tensors

GOLDEN = Path("tests/weights/golden_modern.npz")


def main() -> None:
    answers = {f"{name}_{len(text)}": _answer(told, text) for name, told in MODERN.items() for text in TEXTS}
    np.savez_compressed(GOLDEN, **answers)
    for name, values in answers.items():
        print(name, values.shape, float(values.std()))


def _answer(told: dict[str, Any], text: Any) -> Any:
    """Last hidden states [tokens, hidden], or logits [labels] of a cross-encoder."""
    with tempfile.TemporaryDirectory() as place:
        folder = write_folder(Path(place), told, modern_tensors(told))
        labels = {str(index): f"label {index}" for index in range(told.get("num_labels", 2))}
        lacking = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
        (folder / "config.json").write_text(json.dumps(lacking | told | {"id2label": labels}))
        crossed = "num_labels" in told
        made = transformers.AutoModelForSequenceClassification if crossed else transformers.AutoModel
        model, report = made.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
        unread = {name for name in report["unexpected_keys"] if not name.startswith(("head.", "decoder."))}
        assert not report["missing_keys"] and not unread, (told, report)
        with torch.no_grad():
            return model.eval()(torch.from_numpy(text)[None])[0][0].numpy()


if __name__ == "__main__":
    main()

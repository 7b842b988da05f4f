"""Have `transformers` answer for the tiny folders of tests/weights/reference.py, and keep it in golden.npz beside it.

Needs torch and transformers, which headrace and its tests do not: run it in an environment of its own, from the
repository's root, with `python -m tools.golden_checkpoints`, numpy and msgspec installed beside them.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found]
import transformers  # type: ignore[import-not-found]

from tests.weights.models import ENCODERS, write_folder
from tests.weights.reference import TEXT, VARIANTS

GOLDEN = Path("tests/weights/golden.npz")


def main() -> None:
    answers = {name: _answer(config) for name, config in VARIANTS.items()}
    np.savez_compressed(GOLDEN, **answers)
    for name, values in answers.items():
        print(name, values.shape, float(values.std()))


def _answer(config: dict[str, Any]) -> Any:
    with tempfile.TemporaryDirectory() as place:
        folder = write_folder(Path(place), config)
        _labelled(folder / "config.json", config)
        model_class = transformers.AutoModelForCausalLM
        if config["model_type"] in ENCODERS:
            crossed = "architectures" in config
            model_class = transformers.AutoModelForSequenceClassification if crossed else transformers.AutoModel
        model, report = model_class.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
        lacking = {name for name in report["missing_keys"] if "pooler" not in name and "lm_head" not in name}
        assert not lacking and not report["unexpected_keys"], (config["model_type"], report)
        with torch.no_grad():
            return model.eval()(torch.from_numpy(TEXT)[None])[0][0].numpy()


def _labelled(path: Path, config: dict[str, Any]) -> None:
    """Transformers counts labels by their names."""
    if "num_labels" in config:
        labels = {str(index): f"label {index}" for index in range(config["num_labels"])}
        path.write_text(json.dumps(config | {"id2label": labels}))


if __name__ == "__main__":
    main()

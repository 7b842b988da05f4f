"""Have `transformers` answer for the tiny folders of tests/weights/reference.py, and keep it in golden.npz beside it;
vectors of texts in golden_vectors.npz.

Needs torch, transformers and sentence-transformers, which headrace and its tests do not: run it in an environment of
its own, from the repository's root, with `python -m tools.golden_checkpoints`, numpy and msgspec installed beside them.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found]
import transformers  # type: ignore[import-not-found]
from sentence_transformers.base.modules import Dense, Normalize  # type: ignore[import-not-found]
from sentence_transformers.sentence_transformer.modules import Pooling  # type: ignore[import-not-found]

from tests.weights.models import ENCODERS, sentence, write_dense, write_folder
from tests.weights.reference import EMBEDDERS, SENTENCES, TEXT, VARIANTS

GOLDEN = Path("tests/weights/golden.npz")
VECTORS = Path("tests/weights/golden_vectors.npz")


def main() -> None:
    answers = {name: _answer(config) for name, config in VARIANTS.items()}
    np.savez_compressed(GOLDEN, **answers)
    for name, values in answers.items():
        print(name, values.shape, float(values.std()))
    vectors = {name: _vectors(*told) for name, told in EMBEDDERS.items()}
    np.savez_compressed(VECTORS, **vectors, **{name: _sentences(*told) for name, told in SENTENCES.items()})


def _vectors(config: dict[str, Any], mode: str) -> Any:
    """Of the whole text and of its first half, one after another: their last hidden states, pooled."""
    with tempfile.TemporaryDirectory() as place:
        states = _states(write_folder(Path(place), config))
        of_one = {"lasttoken": -1, "cls_token": 0}
        return np.stack([each[of_one[mode]] if mode in of_one else each.mean(0) for each in states])


def _states(folder: Path) -> list[Any]:
    """The last hidden states of both texts, each read alone."""
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        return [model(torch.from_numpy(text)[None])[0][0].numpy() for text in (TEXT, TEXT[: len(TEXT) // 2])]


def _sentences(config: dict[str, Any], modes: tuple[str, ...], behind: list[dict[str, Any] | None]) -> Any:
    """Of the same texts, what sentence-transformers' own modules make of such states, padded with noise."""
    with tempfile.TemporaryDirectory() as place:
        folder = write_dense(write_folder(Path(place), config, **sentence(*modes, behind=behind)), behind)
        states = _states(folder)
        modules = [Pooling.load(str(folder), subfolder="1_Pooling")]
        for number, told in enumerate(behind, 2):
            modules.append(Normalize() if told is None else Dense.load(str(folder), subfolder=f"{number}_Dense"))
        lengths = np.array([len(each) for each in states])
        laid = np.random.default_rng(0).normal(size=(len(states), lengths.max(), states[0].shape[1]))
        for row, each in zip(laid, states, strict=True):
            row[: len(each)] = each
        mask = torch.from_numpy((np.arange(lengths.max()) < lengths[:, None]).astype(np.int64))
        features = {"token_embeddings": torch.from_numpy(laid.astype(np.float32)), "attention_mask": mask}
        with torch.no_grad():
            for module in modules:
                features = module(features)
        return features["sentence_embedding"].numpy()


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

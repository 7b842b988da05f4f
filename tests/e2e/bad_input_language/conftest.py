"""SmolLM2 and MiniLM behind one server for all the attacks of this folder, and files beside them that are no models."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.attack import Target
from tests.program import ANY_PORTS, ROOT, serving
from tests.weights.files import gguf_bytes, safetensors_bytes
from tests.weights.models import config, gguf_metadata, gguf_tensors, hf_tensors, write_folder

MODELS = ROOT / "models"
GOOD = ("smollm2", "minilm_text")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    if not all((MODELS / name).exists() for name in GOOD):
        pytest.skip("the demo models are not placed: see tools/place_models.py")
    folder = tmp_path_factory.mktemp("repository")
    for name in GOOD:
        (folder / name).symlink_to(MODELS / name)
    add_broken(folder)
    with serving(folder, *ANY_PORTS) as program:
        yield Target(program)
        assert program.stop() == 0


def add_broken(folder: Path) -> None:
    """Models that cannot be served, each for a reason of its own; the name says it."""
    whole = gguf_bytes(gguf_metadata("llama"), gguf_tensors("llama"))
    for name, content in {
        "truncated": whole[: len(whole) // 2],
        "counts": whole[:8] + (1 << 60).to_bytes(8, "little") + whole[16:],
        "pairs": whole[:16] + (1 << 60).to_bytes(8, "little") + whole[24:],
        "version": whole[:4] + (9).to_bytes(4, "little") + whole[8:],
        "text": b"this is no model\n",
        "tokenizer": whole,
        "layers": gguf_bytes(gguf_metadata("llama", block_count=1 << 40), gguf_tensors("llama")),
        "family": gguf_bytes(gguf_metadata("llama") | {"general.architecture": "mamba"}, gguf_tensors("llama")),
        "gone": gguf_bytes(gguf_metadata("llama"), {"output_norm.weight": np.ones(32, np.float32)}),
    }.items():
        (folder / f"{name}.gguf").write_bytes(content)
    told = config("llama")
    tensors = safetensors_bytes(hf_tensors(told))
    size = int.from_bytes(tensors[:8], "little")
    header = json.loads(tensors[8 : 8 + size])
    header["model.norm.weight"]["data_offsets"][1] += 1 << 40
    lies = json.dumps(header).encode()
    for name, content in {
        "header_size": (1 << 62).to_bytes(8, "little") + tensors[8:],
        "header_offsets": len(lies).to_bytes(8, "little") + lies + tensors[8 + size :],
        "header_json": tensors[:8] + b"{" * size + tensors[8 + size :],
        "cut_short": tensors[:-100],
    }.items():
        write_folder(folder / name, told, hf_tensors(told))
        (folder / name / "model.safetensors").write_bytes(content)

"""Tiny models on disk for tests of loading, and what is asked of the engines made of them."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from headrace.generation import Ask
from headrace.llm.engine_protocol import DraftFile, Engine, EngineLoading
from headrace.settings import Llm
from headrace.types import Manifest
from tests.llm.engines import run, tokenizer
from tests.llm.tokenizing import byte_level_fields
from tests.weights.files import Encoded, gguf_bytes, random_blocks
from tests.weights.models import (
    HIDDEN,
    Dense,
    config,
    gguf_metadata,
    gguf_tensors,
    hf_tensors,
    sentence,
    write_dense,
    write_folder,
)

WIDE = 256
"""Numbers in a row that is whole blocks of every kind."""


def decoder(tmp_path: Path) -> Path:
    """A tiny llama with a tokenizer that works."""
    path = tmp_path / "model.gguf"
    path.write_bytes(llama())
    return path


def llama(pooling_type: int = 0, **more: Any) -> bytes:
    """The content of a GGUF file; `more` fields of its tokenizer."""
    fields = {f"tokenizer.ggml.{name}": value for name, value in (byte_level_fields() | more).items()}
    embed = np.random.default_rng(1).normal(0, 0.3, (len(fields["tokenizer.ggml.tokens"]), HIDDEN)).astype(np.float32)
    return gguf_bytes(
        gguf_metadata("llama", pooling_type=pooling_type) | fields, gguf_tensors("llama") | {"token_embd.weight": embed}
    )


def in_blocks(kind: str, size: float, tmp_path: Path) -> tuple[Path, Path]:
    """A llama whose matrices are random blocks with scales of about `size`, and one that holds the reference's values
    of these in float32."""
    fields = {f"tokenizer.ggml.{name}": value for name, value in byte_level_fields().items()}
    told = gguf_metadata("llama", embedding_length=WIDE, feed_forward_length=WIDE) | fields
    rows = dict.fromkeys(("token_embd", "output"), len(fields["tokenizer.ggml.tokens"]))
    rows |= {"attn_k": WIDE // 2, "attn_v": WIDE // 2}
    blocks: dict[str, Encoded | NDArray[np.float32]] = {}
    values: dict[str, NDArray[np.float32]] = {}
    for seed, name in enumerate(gguf_tensors("llama", tied=False)):
        part = name.split(".")[-2]
        if part.endswith("norm"):
            blocks[name] = values[name] = np.ones(WIDE, np.float32)
        else:
            blocks[name] = _, (count, _), raw = random_blocks(kind, (rows.get(part, WIDE), WIDE), seed, size)
            encoded = np.frombuffer(raw, np.uint8).reshape(count, -1)
            values[name] = gguf.quants.dequantize(encoded, gguf.GGMLQuantizationType[kind])
    paths = tmp_path / f"{kind}.gguf", tmp_path / f"{kind}_f32.gguf"
    paths[0].write_bytes(gguf_bytes(told, blocks))
    paths[1].write_bytes(gguf_bytes(told, values))
    return paths


def encoder(tmp_path: Path, model_type: str = "bert") -> Path:
    """A tiny BERT, or one of its kin, with a tokenizer that works."""
    return _folder(tmp_path / "encoder", config(model_type), "embeddings.word_embeddings.weight")


def embedder(tmp_path: Path, *behind: Dense | None) -> Path:
    """A tiny Qwen3 of which the last token stands for a text, with a tokenizer that works; `behind` are modules."""
    files = sentence("lasttoken", behind=behind or (None,))
    return write_dense(_folder(tmp_path / "embedder", config("qwen3"), "model.embed_tokens.weight", **files), behind)


def _folder(path: Path, told: dict[str, Any], words: str, **files: Any) -> Path:
    made = tokenizer()
    table = np.random.default_rng(1).normal(0, 0.3, (made.vocabulary, HIDDEN)).astype(np.float32)
    tensors = {name: tensor for name, tensor in hf_tensors(told).items() if name != "lm_head.weight"}
    files["tokenizer"] = json.loads(made.library.to_str())
    return write_folder(path, told | {"vocab_size": made.vocabulary}, tensors | {words: table}, **files)


def asked(path: Path, manifest: Manifest | None = None, draft: Path | None = None, **llm: Any) -> EngineLoading:
    """`draft`: the file of the model that is to draft."""
    settings = Llm(**{"kv_memory": "1MiB", "draft": draft.name if draft is not None else ""} | llm)
    named = DraftFile("llm.draft", draft) if draft is not None else None
    return EngineLoading(manifest or Manifest("m", 1, path, "llm"), 2, settings, named)


def answer(engine: Engine, ask: Ask) -> Any:
    engine.add(1, ask)
    answers: dict[int, list[Any]] = {1: []}
    run(engine, answers)
    engine.close()
    (only,) = answers[1]
    return only.result

"""A model's file becomes an engine that answers, or is refused with the setting at fault."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.config import Llm
from headrace.engine_load import cache_folder, load
from headrace.errors import ModelInvalid
from headrace.generation import Ask, Embed, Embedded, Generate, Generated, Prompt, Sampling, Score, Scored
from headrace.llm.engine_protocol import Engine, EngineLoading
from headrace.types import LanguageChoices, Manifest
from tests.llm.engines import run, tokenizer
from tests.llm.tokenizing import byte_level_fields
from tests.weights.files import gguf_bytes
from tests.weights.models import HIDDEN, config, gguf_metadata, gguf_tensors, hf_tensors, write_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "headrace"


@pytest.fixture
def decoder(tmp_path: Path, cache: Path) -> Path:
    """A tiny llama with a tokenizer that works."""
    fields = {f"tokenizer.ggml.{name}": value for name, value in byte_level_fields().items()}
    embed = np.random.default_rng(1).normal(0, 0.3, (len(fields["tokenizer.ggml.tokens"]), HIDDEN)).astype(np.float32)
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_bytes(gguf_metadata("llama") | fields, gguf_tensors("llama") | {"token_embd.weight": embed}))
    return path


@pytest.fixture
def encoder(tmp_path: Path, cache: Path) -> Path:
    made = tokenizer()
    told = config("bert")
    name = next(name for name in hf_tensors(told) if name.endswith("word_embeddings.weight"))
    words = np.random.default_rng(1).normal(0, 0.3, (made.vocabulary, HIDDEN)).astype(np.float32)
    return write_folder(
        tmp_path / "encoder",
        told | {"vocab_size": made.vocabulary},
        hf_tensors(told) | {name: words},
        tokenizer=json.loads(made.library.to_str()),
    )


def asked(path: Path, manifest: Manifest | None = None, **llm: Any) -> EngineLoading:
    return EngineLoading(manifest or Manifest("m", 1, path, "llm"), 2, Llm(**{"kv_memory": "1MiB"} | llm))


def answer(engine: Engine, ask: Ask) -> Any:
    engine.add(1, ask)
    answers: dict[int, list[Any]] = {1: []}
    run(engine, answers)
    engine.close()
    (only,) = answers[1]
    return only.result


def test_graphs_and_tokenizers_are_kept_at_home() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/kept", "HOME": "/home/me"}) == Path("/kept/headrace")
    assert cache_folder({"XDG_CACHE_HOME": "kept", "HOME": "/home/me"}) == Path("/home/me/.cache/headrace")
    assert cache_folder({}) is None


def test_a_decoder_continues_texts_and_says_what_it_is(decoder: Path, cache: Path) -> None:
    engine = load(asked(decoder, max_context=48))
    facts = engine.facts
    assert (facts.family, facts.tasks, facts.max_context, facts.source) == ("llama", ("generate",), 48, "gguf")
    assert 0 < facts.num_blocks <= 128 * 2
    found = answer(engine, Generate(Prompt(text="The server"), Sampling(max_tokens=5, ignore_eos=True)))
    assert isinstance(found, Generated)
    assert found.usage.completion_tokens == 5
    assert {path.name.partition("-")[0] for path in cache.iterdir()} == {"graph", "tokenizer"}


def test_an_encoder_embeds_and_scores(encoder: Path) -> None:
    engine = load(asked(encoder))
    assert engine.facts.tasks == ("embed", "score")
    found = answer(engine, Embed(("The server starts", "tokens")))
    assert isinstance(found, Embedded)
    assert found.dimensions == engine.facts.embedding == HIDDEN
    assert isinstance(answer(load(asked(encoder)), Score("The", ("server",))), Scored)


def test_memory_for_less_than_a_block_is_refused(decoder: Path) -> None:
    with pytest.raises(ModelInvalid) as refusal:
        load(asked(decoder, kv_memory="100B"))
    assert refusal.value.where == "llm.kv_memory"


def test_a_draft_model_is_refused_as_long_as_there_is_none(decoder: Path) -> None:
    with pytest.raises(ModelInvalid) as refusal:
        load(asked(decoder, speculation="draft"))
    assert refusal.value.where == "llm.speculation"
    manifest = Manifest("m", 1, decoder, "llm", llm=LanguageChoices(draft_model=decoder))
    with pytest.raises(ModelInvalid):
        load(asked(decoder, manifest))

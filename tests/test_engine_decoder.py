"""A decoder's engine is put together once its graph is there."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from headrace.engine_decoder import assemble
from headrace.errors import ModelInvalid
from headrace.generation import Generate, Generated, Prompt, Sampling
from headrace.llm.engine import DecoderEngine
from headrace.runtimes.openvino_open import Choices, Opened, load_language, open_model
from tests.engine_files import answer, asked, decoder


def _engine(path: Path, max_context: int = 0, **llm: Any) -> DecoderEngine:
    checkpoint, graph = open_model(path), Future[Opened]()
    graph.set_result(load_language(path, Choices(2, max_context=max_context), checkpoint))
    return assemble(asked(path, **llm), checkpoint, None, graph)


def test_a_decoder_continues_texts_and_says_what_it_is(tmp_path: Path) -> None:
    engine = _engine(decoder(tmp_path), max_context=48)
    facts = engine.facts
    assert (facts.family, facts.tasks, facts.max_context, facts.source) == ("llama", ("generate",), 48, "gguf")
    assert 0 < facts.num_blocks <= 128 * 2
    found = answer(engine, Generate(Prompt(text="The server"), Sampling(max_tokens=5, ignore_eos=True)))
    assert isinstance(found, Generated)
    assert found.usage.completion_tokens == 5


def test_memory_for_less_than_a_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid) as refusal:
        _engine(decoder(tmp_path), kv_memory="100B")
    assert refusal.value.where == "llm.kv_memory"


def test_what_made_the_graph_impossible_is_raised(tmp_path: Path) -> None:
    path, graph = decoder(tmp_path), Future[Opened]()
    graph.set_exception(ModelInvalid("there is none", "embed"))
    with pytest.raises(ModelInvalid, match="embed"):
        assemble(asked(path), open_model(path), None, graph)

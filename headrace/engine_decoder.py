"""A checkpoint and its graph -> the engine that continues texts."""

from concurrent.futures import Future
from pathlib import Path

from headrace.devices.inventory import memory
from headrace.errors import ModelInvalid
from headrace.generation import LanguageFacts
from headrace.llm.engine import DecoderEngine, Settings
from headrace.llm.engine_protocol import EngineLoading
from headrace.llm.kv_memory import blocks, kv_memory_bytes
from headrace.llm.preparing import preparing_for
from headrace.llm.step_time import StepTime
from headrace.llm.tokenizer import load as load_tokenizer
from headrace.llm.warm_up import warm_up
from headrace.runtimes.openvino_open import Opened
from headrace.weights.checkpoint import Checkpoint


def assemble(
    asked: EngineLoading, checkpoint: Checkpoint, cache: Path | None, graph: "Future[Opened]"
) -> DecoderEngine:
    """The engine, warmed up, once `graph` is there. Raises ModelInvalid with the field at fault, or Unavailable."""
    llm = asked.llm
    tokenizer = load_tokenizer(checkpoint.tokenizer, checkpoint.digest, cache)
    opened = graph.result()
    model = opened.model
    num_blocks = blocks(
        kv_memory_bytes(llm.kv_memory, memory().free_bytes),
        model.block_bytes,
        model.block_size,
        llm.max_sequences,
        model.max_context,
    )
    if num_blocks < 2:
        raise ModelInvalid(f"must hold at least two blocks of {model.block_bytes:,} bytes", "llm.kv_memory")
    model.allocate(num_blocks)
    step_time = StepTime()
    warm_up(model, step_time)
    settings = Settings(
        num_blocks, llm.max_sequences, prefix_cache=llm.prefix_cache, drafts=llm.speculation in ("auto", "ngram")
    )
    reads = preparing_for(checkpoint, tokenizer, model.vocabulary, model.max_context)
    return DecoderEngine(model, reads, _facts(checkpoint, opened, num_blocks), settings, step_time)


def _facts(checkpoint: Checkpoint, opened: Opened, num_blocks: int) -> LanguageFacts:
    return LanguageFacts(
        family=checkpoint.architecture.family,
        tasks=("generate",),
        max_context=opened.model.max_context,
        vocabulary=opened.model.vocabulary,
        parameters=opened.parameters,
        precision=opened.plan.text,
        chat_template=checkpoint.chat_template is not None,
        num_blocks=num_blocks - 1,
        block_size=opened.model.block_size,
        source=checkpoint.source,
    )

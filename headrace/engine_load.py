"""A language model's file or folder -> the engine that answers for it: where runtimes, text and engine meet."""

import os
from collections.abc import Mapping
from pathlib import Path

from headrace.devices.inventory import memory
from headrace.errors import ModelInvalid
from headrace.generation import LanguageFacts
from headrace.llm.encoder_engine import EncoderEngine, laid
from headrace.llm.encoder_texts import Text
from headrace.llm.engine import DecoderEngine, Settings
from headrace.llm.engine_protocol import Engine, EngineLoading
from headrace.llm.kv_memory import blocks, kv_memory_bytes
from headrace.llm.preparing import Preparing
from headrace.llm.prompt import PromptReader
from headrace.llm.step_time import StepTime
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.tokenizer import load as load_tokenizer
from headrace.llm.tool_calls import hermes_system
from headrace.llm.warm_up import warm_up
from headrace.runtimes.openvino_encoder import load_encoder
from headrace.runtimes.openvino_open import Choices, Opened, load_language, open_model
from headrace.weights.checkpoint import Checkpoint


def load(asked: EngineLoading) -> Engine:
    """Read, build and warm up the manifest's model. Raises ModelInvalid with the field at fault, or Unavailable."""
    path, cache = asked.manifest.path, cache_folder(os.environ)
    checkpoint = open_model(path)
    is_encoder = checkpoint.architecture.family == "bert"
    return _encoder(asked, checkpoint, cache) if is_encoder else _decoder(asked, checkpoint, cache)


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Where graphs and tokenizers are kept for the next start; None where there is no home for them."""
    kept = environment.get("XDG_CACHE_HOME", "")
    if Path(kept).is_absolute():
        return Path(kept) / "headrace"
    home = environment.get("HOME", "")
    return Path(home) / ".cache" / "headrace" if Path(home).is_absolute() else None


def _decoder(asked: EngineLoading, checkpoint: Checkpoint, cache: Path | None) -> DecoderEngine:
    llm = asked.llm
    if llm.speculation == "draft" or asked.manifest.llm.draft_model is not None:
        raise ModelInvalid('"draft" is not offered yet; there are auto, off and ngram', "llm.speculation")
    tokenizer = load_tokenizer(checkpoint.tokenizer, checkpoint.digest, cache)
    choices = Choices(asked.threads, llm.precision, llm.kv_precision, llm.max_context, cache)
    opened = load_language(asked.manifest.path, choices, checkpoint)
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
    preparing = _preparing(checkpoint, tokenizer, model.vocabulary, model.max_context)
    settings = Settings(
        num_blocks, llm.max_sequences, prefix_cache=llm.prefix_cache, drafts=llm.speculation in ("auto", "ngram")
    )
    return DecoderEngine(model, preparing, _facts(checkpoint, opened, num_blocks), settings, step_time)


def _encoder(asked: EngineLoading, checkpoint: Checkpoint, cache: Path | None) -> EncoderEngine:
    tokenizer = load_tokenizer(checkpoint.tokenizer, checkpoint.digest, cache)
    opened = load_encoder(checkpoint, asked.threads, asked.llm.precision, asked.llm.max_context)
    model = opened.model
    model.encode(*laid([Text([0] * min(32, model.max_tokens))], model.max_tokens))  # kernels are made
    facts = LanguageFacts(
        family=checkpoint.architecture.family,
        tasks=("score",) if opened.labels else ("embed", "score"),
        max_context=model.max_tokens,
        vocabulary=model.vocabulary,
        parameters=opened.parameters,
        precision=opened.precision,
        chat_template=False,
        embedding=0 if opened.labels else model.width,
        source=checkpoint.source,
    )
    return EncoderEngine(model, _preparing(checkpoint, tokenizer, model.vocabulary, model.max_tokens), facts)


def _preparing(checkpoint: Checkpoint, tokenizer: Tokenizer, vocabulary: int, max_context: int) -> Preparing:
    eos_id = next(iter(checkpoint.eos_ids), None)
    reader = PromptReader(
        tokenizer, vocabulary, checkpoint.chat_template, checkpoint.bos_id, eos_id, tools_in_words=hermes_system
    )
    return Preparing(tokenizer, reader, vocabulary, max_context, checkpoint.eos_ids)


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

"""A checkpoint and its graph -> the engine that continues texts."""

from concurrent.futures import Future
from pathlib import Path

import msgspec

from headrace.devices.inventory import memory
from headrace.errors import ModelInvalid
from headrace.generation import GenerationDefaults, LanguageFacts
from headrace.kernels.drawing import chooser
from headrace.llm.draft_model import Drafter
from headrace.llm.draft_vocabulary import difference
from headrace.llm.engine import DecoderEngine, Settings
from headrace.llm.engine_protocol import EngineLoading
from headrace.llm.kv_memory import blocks, kv_memory_bytes
from headrace.llm.preparing import preparing_for
from headrace.llm.step_time import StepTime
from headrace.llm.tokenizer import Tokenizer
from headrace.llm.tokenizer import load as load_tokenizer
from headrace.llm.warm_up import pass_time, warm_up
from headrace.runtimes.language import LanguageModel
from headrace.runtimes.main_kind import main_kind
from headrace.runtimes.openvino_open import Opened
from headrace.weights.checkpoint import Checkpoint


def assemble(
    asked: EngineLoading,
    checkpoint: Checkpoint,
    cache: Path | None,
    graph: "Future[Opened]",
    drafts: "Future[Opened] | None" = None,
) -> DecoderEngine:
    """The engine, warmed up, once `graph` is there, and `drafts`, that of the model that proposes tokens.

    Raises ModelInvalid with the field at fault, or Unavailable.
    """
    llm = asked.llm
    tokenizer = load_tokenizer(checkpoint.tokenizer, checkpoint.digest, cache)
    opened = graph.result()
    draft = drafts.result() if drafts is not None else None
    if draft is not None:
        _check_vocabulary(asked, draft, tokenizer, cache)
    model = opened.model
    block_bytes = model.block_bytes + (draft.model.block_bytes if draft is not None else 0)
    kv_bytes = kv_memory_bytes(llm.kv_memory, memory().free_bytes)
    num_blocks = blocks(
        kv_bytes if asked.most_kv_bytes is None else min(kv_bytes, asked.most_kv_bytes),
        block_bytes,
        model.block_size,
        llm.max_sequences,
        model.max_context,
    )
    if num_blocks < 2:
        left = (
            "" if asked.most_kv_bytes is None else f", and memory.budget leaves {asked.most_kv_bytes:,} bytes for them"
        )
        raise ModelInvalid(f"must hold at least two blocks of {block_bytes:,} bytes{left}", "llm.kv_memory")
    model.allocate(num_blocks)
    step_time = StepTime()
    warm_up(model, step_time)
    settings = Settings(
        num_blocks,
        llm.max_sequences,
        prefix_cache=llm.prefix_cache,
        drafts=llm.speculation in ("auto", "ngram"),
        weights=asked.weights,
    )
    max_context = min(model.max_context, (num_blocks - 1) * model.block_size)  # one block is nobody's
    reads = preparing_for(checkpoint, tokenizer, model.vocabulary, max_context, llm.reasoning)
    facts = _facts(checkpoint, opened, max_context, num_blocks, reads.marks is not None)
    defaults = checkpoint.defaults if llm.generation_defaults == "model" else GenerationDefaults()
    facts = msgspec.structs.replace(facts, kv_bytes=num_blocks * block_bytes, defaults=defaults)
    if draft is not None:
        facts = msgspec.structs.replace(facts, draft=_draft_in_words(asked, draft, num_blocks))
    engine = DecoderEngine(model, reads, facts, settings, step_time)
    if draft is not None:
        engine.draft_with(_drafter(draft.model, num_blocks))
    if opened.plan.precision.library is not None:
        engine.choose_with(chooser(opened.plan.precision.library, asked.threads))
    return engine


def _check_vocabulary(asked: EngineLoading, draft: Opened, tokenizer: Tokenizer, cache: Path | None) -> None:
    """Raises ModelInvalid where the model that drafts does not know the same tokens."""
    assert asked.draft is not None
    checkpoint, where = draft.checkpoint, asked.draft.where
    try:
        unlike = difference(tokenizer, load_tokenizer(checkpoint.tokenizer, checkpoint.digest, cache))
    except ModelInvalid as error:
        raise ModelInvalid(f"the model that drafts cannot be read: {error}", where) from error
    if unlike:
        raise ModelInvalid(f"must have the vocabulary of the model: {unlike}", where)


def _drafter(model: LanguageModel, num_blocks: int) -> Drafter:
    """Warmed up; with as many blocks as the model has, so that it can follow every text."""
    model.allocate(num_blocks)
    warm_up(model, StepTime())
    return Drafter(model, num_blocks, pass_time(model))


def _draft_in_words(asked: EngineLoading, draft: Opened, num_blocks: int) -> str:
    """As in `small.gguf: 8-bit codes with a scale a row, from Q4_1, with 31 MiB of the key-value cache`."""
    kv_mib = -(-num_blocks * draft.model.block_bytes // (1 << 20))
    return f"{asked.llm.draft}: {draft.plan.text}, with {kv_mib:,} MiB of the key-value cache"


def _facts(checkpoint: Checkpoint, opened: Opened, max_context: int, num_blocks: int, reasoning: bool) -> LanguageFacts:
    templates = checkpoint.chat_templates
    return LanguageFacts(
        family=checkpoint.architecture.family,
        tasks=("generate",),
        max_context=max_context,
        vocabulary=opened.model.vocabulary,
        parameters=opened.parameters,
        precision=opened.plan.text,
        chat_template=templates.default is not None,
        other_templates=templates.names if templates.default is None else (),
        num_blocks=num_blocks - 1,
        block_size=opened.model.block_size,
        source=checkpoint.source,
        kind=main_kind(checkpoint.weights),
        reasoning=reasoning,
        longest_context=opened.checkpoint.architecture.long_context,
        second_bytes=opened.second_bytes,
    )

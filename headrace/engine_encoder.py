"""A checkpoint and its graph -> the engine that gives texts' vectors, or scores of pairs."""

from concurrent.futures import Future
from pathlib import Path

from headrace.generation import LanguageFacts
from headrace.llm.encoder_engine import EncoderEngine, laid
from headrace.llm.encoder_texts import Text
from headrace.llm.engine_protocol import EngineLoading
from headrace.llm.panics import PROBE, sound
from headrace.llm.preparing import preparing_for
from headrace.llm.tokenizer import load as load_tokenizer
from headrace.runtimes.main_kind import main_kind
from headrace.runtimes.openvino_encoder import OpenedEncoder
from headrace.weights.checkpoint import Checkpoint


def assemble(
    asked: EngineLoading, checkpoint: Checkpoint, cache: Path | None, graph: "Future[OpenedEncoder]"
) -> EncoderEngine:
    """The engine, warmed up, once `graph` is there. Raises ModelInvalid with the field at fault."""
    tokenizer = load_tokenizer(checkpoint.tokenizer, checkpoint.digest, cache)
    opened = graph.result()
    if opened.labels:
        with sound("tokenizer.json"):
            tokenizer.encode_pair(PROBE, PROBE)
    model = opened.model
    model.encode(laid([Text([0] * min(32, model.max_tokens))]))  # kernels are made
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
        kind=main_kind(checkpoint.weights),
    )
    return EncoderEngine(model, preparing_for(checkpoint, tokenizer, model.vocabulary, model.max_tokens), facts)

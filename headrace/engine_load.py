"""A language model's file or folder -> the engine that answers for it.

A start takes as long as its slowest part: the graph is made by a thread beside this one, which meanwhile imports what
reads text and makes the tokenizer.
"""

import importlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from headrace.errors import ModelInvalid
from headrace.llm.engine_protocol import Engine, EngineLoading
from headrace.runtimes.openvino_encoder import load_encoder
from headrace.runtimes.openvino_open import Choices, load_language, open_model


def load(asked: EngineLoading) -> Engine:
    """Read, build and warm up the manifest's model. Raises ModelInvalid with the field at fault, or Unavailable."""
    llm, path, cache = asked.llm, asked.manifest.path, cache_folder(os.environ)
    checkpoint = open_model(path)
    is_encoder = checkpoint.architecture.family == "bert"
    if not is_encoder and (llm.speculation == "draft" or asked.manifest.llm.draft_model is not None):
        raise ModelInvalid('"draft" is not offered yet; there are auto, off and ngram', "llm.speculation")

    def opened() -> Any:
        if is_encoder:
            return load_encoder(checkpoint, asked.threads, llm.precision, llm.max_context)
        choices = Choices(asked.threads, llm.precision, llm.kv_precision, llm.max_context, cache)
        return load_language(path, choices, checkpoint)

    with ThreadPoolExecutor(1, "graph") as beside:
        graph = beside.submit(opened)
        assemble = importlib.import_module(ENCODER if is_encoder else DECODER).assemble
        engine: Engine = assemble(asked, checkpoint, cache, graph)
    return engine


DECODER, ENCODER = "headrace.engine_decoder", "headrace.engine_encoder"
"""Modules whose `assemble` puts an engine together; imported while the graph is made."""


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Where graphs and tokenizers are kept for the next start; None where there is no home for them."""
    kept = environment.get("XDG_CACHE_HOME", "")
    if Path(kept).is_absolute():
        return Path(kept) / "headrace"
    home = environment.get("HOME", "")
    return Path(home) / ".cache" / "headrace" if Path(home).is_absolute() else None

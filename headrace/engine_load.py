"""A language model's file or folder -> the engine that answers for it.

A start takes as long as its slowest part: the graph is made by a thread beside this one, which meanwhile imports what
reads text and makes the tokenizer: while it is compiled, for while it is built, one waits for the other.
"""

import importlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import msgspec

from headrace.cache_folder import cache_folder
from headrace.errors import ModelInvalid
from headrace.llm.engine_protocol import DraftFile, Engine, EngineLoading
from headrace.runtimes.openvino_encoder import load_encoder
from headrace.runtimes.openvino_open import Choices, Opened, load_language, open_model, planned
from headrace.weights.checkpoint import Checkpoint


def load(asked: EngineLoading) -> Engine:
    """Read, build and warm up the manifest's model. Raises ModelInvalid with the field at fault, or Unavailable."""
    llm, path, cache = asked.llm, asked.manifest.path, cache_folder(os.environ)
    checkpoint = open_model(path)
    if not checkpoint.architecture.generates:
        return _encoder(asked, checkpoint, cache)
    draft = _draft(asked)
    with ThreadPoolExecutor(1, "graph") as beside:
        most = asked.most_second_bytes
        choices = Choices(asked.threads, llm.precision, llm.kv_precision, llm.kernels, llm.max_context, cache, most)
        built = Event()
        graph = beside.submit(planned(path, choices, checkpoint, built=built.set))
        drafts = None
        if draft is not None:
            most = None if most is None else 0  # what there is room for is the model's
            choices = msgspec.structs.replace(choices, precision=llm.draft_precision, most_second_bytes=most)
            drafts = beside.submit(_opened_draft, draft, choices)
        built.wait()
        engine: Engine = importlib.import_module(DECODER).assemble(asked, checkpoint, cache, graph, drafts)
    return engine


def _encoder(asked: EngineLoading, checkpoint: Checkpoint, cache: Path | None) -> Engine:
    llm = asked.llm
    if asked.manifest.llm.draft is not None:
        raise ModelInvalid(
            "is for models that continue texts, and this one reads whole ones; leave it out", "llm.draft"
        )
    with ThreadPoolExecutor(1, "graph") as beside:
        graph = beside.submit(
            load_encoder, checkpoint, asked.threads, llm.precision, llm.max_context, cache, llm.kernels
        )
        engine: Engine = importlib.import_module(ENCODER).assemble(asked, checkpoint, cache, graph)
    return engine


def _draft(asked: EngineLoading) -> DraftFile | None:
    """The model that is to draft; None: none does. Raises ModelInvalid."""
    llm, draft = asked.llm, asked.draft
    if llm.speculation == "draft" and not llm.draft:
        raise ModelInvalid('"draft" needs llm.draft, the model that proposes tokens', "llm.speculation")
    if draft is None:
        return None
    if draft.path is None:
        raise ModelInvalid(draft.fault, draft.where)
    if draft.path.resolve() == asked.manifest.path.resolve() and llm.draft_precision == llm.precision:
        message = f"{llm.draft!r} is the model itself; name a smaller one of the same vocabulary"
        raise ModelInvalid(f"{message}, or hold it at another llm.draft_precision", draft.where)
    return draft


def _opened_draft(draft: DraftFile, choices: Choices) -> Opened:
    """Raises ModelInvalid with the field that names it."""
    assert draft.path is not None
    try:
        checkpoint = open_model(draft.path)
        if not checkpoint.architecture.generates:
            raise ModelInvalid("it reads whole texts and continues none")
        return load_language(draft.path, choices, checkpoint)
    except ModelInvalid as error:
        raise ModelInvalid(f"{draft.path.name} cannot draft: {error}", draft.where) from error


DECODER, ENCODER = "headrace.engine_decoder", "headrace.engine_encoder"
"""Modules whose `assemble` puts an engine together; imported while the graph is made."""

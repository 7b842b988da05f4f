"""An encoder's engine is put together once its graph is there."""

from concurrent.futures import Future
from pathlib import Path

from headrace.engine_encoder import assemble
from headrace.generation import Embed, Embedded, Score, Scored
from headrace.llm.encoder_engine import EncoderEngine
from headrace.runtimes.openvino_encoder import OpenedEncoder, load_encoder
from headrace.runtimes.openvino_open import open_model
from tests.engine_files import answer, asked, encoder
from tests.weights.models import HIDDEN


def _engine(path: Path) -> EncoderEngine:
    checkpoint, graph = open_model(path), Future[OpenedEncoder]()
    graph.set_result(load_encoder(checkpoint, 2))
    return assemble(asked(path), checkpoint, None, graph)


def test_an_encoder_embeds_and_scores(tmp_path: Path) -> None:
    engine = _engine(encoder(tmp_path))
    assert (engine.facts.tasks, engine.facts.kind) == (("embed", "score"), "F32")
    found = answer(engine, Embed(("The server starts", "tokens")))
    assert isinstance(found, Embedded)
    assert found.dimensions == engine.facts.embedding == HIDDEN
    assert isinstance(answer(_engine(encoder(tmp_path)), Score("The", ("server",))), Scored)

"""A model's file becomes an engine that answers, or is refused with the setting at fault."""

from pathlib import Path

import pytest

from headrace.engine_load import cache_folder, load
from headrace.errors import ModelInvalid
from headrace.llm.encoder_engine import EncoderEngine
from headrace.llm.engine import DecoderEngine
from headrace.types import LanguageChoices, Manifest
from tests.engine_files import asked, decoder, encoder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_graphs_and_tokenizers_are_kept_at_home() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/kept", "HOME": "/home/me"}) == Path("/kept/headrace")
    assert cache_folder({"XDG_CACHE_HOME": "kept", "HOME": "/home/me"}) == Path("/home/me/.cache/headrace")
    assert cache_folder({}) is None


def test_a_file_becomes_the_engine_of_its_architecture(tmp_path: Path) -> None:
    for path, kind in ((decoder(tmp_path), DecoderEngine), (encoder(tmp_path), EncoderEngine)):
        engine = load(asked(path))
        engine.close()
        assert isinstance(engine, kind)


def test_graph_and_tokenizer_are_kept_for_the_next_start(tmp_path: Path) -> None:
    load(asked(decoder(tmp_path))).close()
    kept = {path.name.partition("-")[0] for path in (tmp_path / "cache" / "headrace").iterdir()}
    assert kept == {"graph", "tokenizer"}


def test_a_draft_model_is_refused_as_long_as_there_is_none(tmp_path: Path) -> None:
    path = decoder(tmp_path)
    with pytest.raises(ModelInvalid) as refusal:
        load(asked(path, speculation="draft"))
    assert refusal.value.where == "llm.speculation"
    manifest = Manifest("m", 1, path, "llm", llm=LanguageChoices(draft_model=path))
    with pytest.raises(ModelInvalid):
        load(asked(path, manifest))

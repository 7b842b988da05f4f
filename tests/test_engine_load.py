"""A model's file becomes an engine that answers, or is refused with the setting at fault."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.engine_load import load
from headrace.errors import ModelInvalid
from headrace.generation import Embed, Embedded, Generate, Generated, Prompt, Sampling, Score, Scored
from headrace.llm.draft_model import DraftModel
from headrace.llm.encoder_engine import EncoderEngine
from headrace.llm.engine import DecoderEngine
from headrace.llm.engine_protocol import Answered, EngineLoading
from headrace.types import LanguageChoices, Manifest
from tests.engine_files import answer, asked, decoder, embedder, encoder, in_blocks, llama
from tests.llm.engines import run
from tests.llm.tokenizing import byte_level_fields
from tests.tiles import lend
from tests.weights.models import HIDDEN, dense

FILE = next((Path(__file__).parents[1] / "models" / "smollm2").rglob("*.gguf"), None)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(tmp_path / "cache" / "headrace")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_file_becomes_the_engine_of_its_architecture(tmp_path: Path) -> None:
    for path, kind in ((decoder(tmp_path), DecoderEngine), (encoder(tmp_path), EncoderEngine)):
        engine = load(asked(path))
        engine.close()
        assert isinstance(engine, kind)


def test_a_decoder_that_pools_its_tokens_gives_vectors_and_continues_no_text(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(llama(pooling_type=3))
    for file in (path, embedder(tmp_path)):
        engine = load(asked(file))
        assert isinstance(engine, EncoderEngine)
        assert (engine.facts.tasks, engine.facts.embedding) == (("embed", "score"), HIDDEN)
        assert isinstance(answer(engine, Embed(("The server starts", "tokens"))), Embedded)
        assert isinstance(answer(load(asked(file)), Score("The", ("server",))), Scored)


@pytest.mark.parametrize("model_type", ["mpnet", "distilbert"])
def test_kin_of_bert_give_vectors_too(tmp_path: Path, model_type: str) -> None:
    engine = load(asked(encoder(tmp_path, model_type)))
    assert isinstance(answer(engine, Embed(("The server starts", "tokens"))), Embedded)


def test_vectors_have_the_width_of_the_last_layer_and_may_be_cut_below_it(tmp_path: Path) -> None:
    path = embedder(tmp_path, dense(HIDDEN, 48), None, dense(48, 40), None)
    for asked_for, expected in ((None, 40), (39, 39)):
        engine = load(asked(path))
        assert engine.facts.embedding == 40
        assert answer(engine, Embed(("one",), dimensions=asked_for)).dimensions == expected


def test_graph_and_tokenizer_are_kept_for_the_next_start(tmp_path: Path) -> None:
    load(asked(decoder(tmp_path))).close()
    kept = {path.name.partition("-")[0] for path in (tmp_path / "cache" / "headrace").iterdir()}
    assert kept - {"kernels"} == {"graph", "tokenizer"}


BLOCKS = {"Q2_K": 5e-3, "Q3_K": 2e-3, "IQ4_NL": 1e-3, "IQ4_XS": 6e-5, "MXFP4": 2**-6}
"""How large scales are that give matrices numbers of about 0.08."""


@pytest.mark.parametrize("precision", ["auto", "f32"])
@pytest.mark.parametrize("kind", BLOCKS)
def test_a_file_of_blocks_has_the_greedy_ids_of_its_values_in_float32(
    tmp_path: Path, kind: str, precision: str
) -> None:
    ask = Generate(Prompt(text="The server"), Sampling(max_tokens=24, ignore_eos=True, temperature=0))
    found = []
    for path in in_blocks(kind, BLOCKS[kind], tmp_path):
        engine = load(asked(path, precision=precision))
        found.append((engine.facts.precision, [each.token_ids for each in answer(engine, ask).deltas]))
    (held, ids), (_, expected) = found
    assert ids == expected
    assert f", from {kind}" in held


def drafting(tmp_path: Path, **tokenizer: Any) -> Path:
    path = tmp_path / "small.gguf"
    path.write_bytes(llama(**tokenizer))
    return path


@pytest.mark.parametrize("speculation", ["auto", "draft"])
def test_a_model_that_drafts_is_loaded_beside_and_changes_no_text(tmp_path: Path, speculation: str) -> None:
    ask = Generate(Prompt(text="The server"), Sampling(temperature=0, max_tokens=40, ignore_eos=True))
    path, small = decoder(tmp_path), drafting(tmp_path)
    plain = answer(load(asked(path, speculation="off")), ask)
    engine = load(asked(path, draft=small, speculation=speculation))
    assert engine.facts.draft.startswith("small.gguf: 8-bit codes")
    assert "1 MiB of the key-value cache" in engine.facts.draft
    assert answer(engine, ask).deltas[0].token_ids == plain.deltas[0].token_ids


def test_the_memory_of_both_caches_is_within_what_is_set(tmp_path: Path) -> None:
    path, small = decoder(tmp_path), drafting(tmp_path)
    alone, both = (load(asked(path, draft=draft, kv_memory="100KB")) for draft in (None, small))
    alone.close()
    both.close()
    assert 2 < both.facts.num_blocks + 1 == (alone.facts.num_blocks + 1) // 2


@pytest.mark.parametrize("speculation", ["off", "ngram"])
def test_a_model_that_nobody_asks_for_drafts_is_not_loaded(tmp_path: Path, speculation: str) -> None:
    engine = load(asked(decoder(tmp_path), draft=None, speculation=speculation))
    engine.close()
    assert not engine.facts.draft


def refusal(loading: EngineLoading) -> str:
    with pytest.raises(ModelInvalid) as refused:
        load(loading)
    return str(refused.value)


def test_what_cannot_draft_is_refused_by_the_field_that_names_it(tmp_path: Path) -> None:
    path = decoder(tmp_path)
    assert refusal(asked(path, speculation="draft")).startswith("llm.speculation: ")
    assert refusal(asked(path, draft=encoder(tmp_path))) == (
        "llm.draft: encoder cannot draft: it reads whole texts and continues none"
    )
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    assert refusal(asked(path, draft=broken)).startswith("llm.draft: broken.gguf cannot draft: ")
    assert refusal(asked(path, draft=path)).startswith(
        "llm.draft: 'model.gguf' is the model itself; name a smaller one"
    )
    tokens = byte_level_fields()["tokens"]
    other = drafting(tmp_path, tokens=[*tokens[:7], tokens[8], tokens[7], *tokens[9:]])
    assert refusal(asked(path, draft=other)).startswith("llm.draft: must have the vocabulary of the model: token 7 is ")


def test_the_model_itself_may_draft_where_it_is_held_otherwise(tmp_path: Path) -> None:
    path = decoder(tmp_path)
    engine = load(asked(path, draft=path, draft_precision="f32"))
    engine.close()
    assert engine.facts.draft.startswith("model.gguf: float32")


def test_a_decoder_tells_what_its_second_graph_is_going_to_take_where_there_is_room_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = []
    for most in (None, 1 << 30, 0):
        engine = load(msgspec.structs.replace(asked(decoder(tmp_path)), most_second_bytes=most))
        engine.close()
        told.append(engine.facts.second_bytes)
    assert told[0] == told[1] > told[2] == 0


def test_an_encoder_needs_no_drafts(tmp_path: Path) -> None:
    path = encoder(tmp_path)
    load(asked(path, draft=decoder(tmp_path))).close()
    said = Manifest("m", 1, path, "llm", llm=LanguageChoices(draft="model.gguf"))
    assert refusal(asked(path, said)).startswith("llm.draft: is for models that continue texts")


@pytest.mark.slow
@pytest.mark.skipif(FILE is None, reason="models/smollm2 is not placed: see tools/place_models.py")
@pytest.mark.parametrize("kv_memory", ["1GiB", "40MiB"])
def test_a_real_model_says_the_same_with_its_own_4_bit_form_as_draft(kv_memory: str) -> None:
    """In a memory for all texts and in one for few of them; prompts begin alike, some texts are sampled."""
    assert FILE is not None
    words = (Path(__file__).parents[1] / "docs" / "layout.md").read_text()
    asks = [
        Generate(
            Prompt(text=words[: 300 + 150 * number]),
            Sampling(temperature=0.8 * (number % 3 == 2), seed=number, max_tokens=40 + number, ignore_eos=True),
        )
        for number in range(9)
    ]

    def told(**drafting: Any) -> tuple[dict[int, list[int]], int]:
        """The texts, and how many drafts were right."""
        engine = load(asked(FILE, **{"precision": "f32", "kv_memory": kv_memory} | drafting))
        assert isinstance(engine, DecoderEngine)
        if engine.drafting.model is not None:
            _take_passes_for_free(engine.drafting.model)
        answers: dict[int, list[Answered]] = defaultdict(list)
        for number, ask in enumerate(asks):
            engine.add(number, ask)
            for answered in engine.step():
                answers[answered.number].append(answered)
        run(engine, answers)
        engine.add(99, asks[0])
        run(engine, answers)
        drafts = engine.drafting.model
        assert drafts is None or drafts.texts.pool.num_used == 0
        accepted = engine._scheduler.draft_length.num_accepted
        engine.close()
        return {number: _token_ids(found) for number, found in answers.items()}, accepted

    alone, _ = told(speculation="off")
    drafted, accepted = told(speculation="draft", draft=FILE, draft_precision="int4")
    assert drafted == alone
    assert accepted > 20


def _take_passes_for_free(drafts: DraftModel) -> None:
    """Whether drafts pay is not asked here: what passes take goes by the machine and its minute."""
    propose = drafts.propose
    drafts._pass_seconds = lambda choices: lambda count: 1e-6 * count  # type: ignore[method-assign]
    drafts.propose = lambda choices, step: propose(choices, lambda count: 1.0)  # type: ignore[method-assign]


def _token_ids(answers: list[Answered]) -> list[int]:
    results = [answered.result for answered in answers]
    assert all(isinstance(result, Generated) for result in results)
    return [token_id for result in results for delta in result.deltas for token_id in delta.token_ids]  # type: ignore[union-attr]

"""A checkpoint of an encoder, or of a decoder that embeds, becomes what turns texts into rows, alone or with others."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.devices.inventory import cpu_features
from headrace.errors import ModelInvalid
from headrace.kernels.library import NEEDED
from headrace.runtimes.language import TextBatch
from headrace.runtimes.openvino_encoder import HELD, OpenVinoEncoder, load_encoder
from headrace.runtimes.openvino_plan import Asked, Kernels
from headrace.weights.checkpoint import Weight
from headrace.weights.open import open_checkpoint
from tests.graphs.tiny import CONTEXT, golden, golden_checkpoint, tokens
from tests.tiles import kernels
from tests.weights.models import config, sentence, write_dense, write_folder, write_gguf
from tests.weights.modern import MODERN, TEXTS, modern_tensors
from tests.weights.reference import EMBEDDERS, SENTENCES, TEXT, hidden

GOLDEN_VECTORS = Path(__file__).parents[1] / "weights" / "golden_vectors.npz"
"""Written by tools/golden_checkpoints.py."""

GOLDEN_MODERN = Path(__file__).parents[1] / "weights" / "golden_modern.npz"
"""Written by tools/golden_modern.py."""

ALIKE = 5e-5
"""Of numbers of about 3: attention's last bits depend on company, and where a number is cut in halves on its last bits.
"""


def encode(model: OpenVinoEncoder, *texts: NDArray[np.int64]) -> NDArray[np.float32]:
    ids = np.concatenate(texts)
    return model.encode(TextBatch(ids, np.array([len(text) for text in texts]), np.zeros_like(ids)))


def changed(**more: Any) -> Any:
    given = golden_checkpoint("bert")
    return msgspec.structs.replace(given, architecture=msgspec.structs.replace(given.architecture, **more))


@pytest.mark.parametrize("whose", ["auto", "openvino"])
def test_the_mean_is_taken_where_nothing_says_how_tokens_are_pooled(whose: Kernels) -> None:
    held = "tiles32" if whose == "auto" and NEEDED.issubset(cpu_features()) else "f32"
    found = load_encoder(golden_checkpoint("bert"), threads=2, kernels=whose)
    expected = golden("bert").logits.mean(axis=0)
    assert np.abs(encode(found.model, tokens(64))[0] - expected).max() < 1e-4
    assert (found.labels, found.precision, found.model.width) == (0, HELD[held], len(expected))


@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_company_changes_nothing(precision: Asked) -> None:
    model = load_encoder(changed(pooling=("cls",)), threads=2, precision=precision).model
    together = encode(model, tokens(64), tokens(9), tokens(30))
    for row, length in zip(together, (64, 9, 30), strict=True):
        alone = encode(model, tokens(length))[0]
        if precision == "auto" or not model.padded:  # elsewhere codes of activations depend on what is beside them
            assert np.abs(alone - row).max() < ALIKE


def test_codes_of_8_bits_on_tiles_are_nearer_to_float32_than_those_of_openvino() -> None:
    kernels()  # skips where there are none
    given = golden_checkpoint("bert")
    exact, theirs = (
        encode(load_encoder(given, 2, held, kernels="openvino").model, tokens(64)) for held in ("f32", "int8")
    )
    ours = encode(load_encoder(given, 2, "int8").model, tokens(64))
    assert np.abs(ours - exact).max() < np.abs(theirs - exact).max()


def test_rows_stay_as_they_are_while_others_are_computed() -> None:
    model = load_encoder(golden_checkpoint("bert"), threads=2).model
    first = encode(model, tokens(5))
    kept = first.copy()
    encode(model, tokens(7))
    assert (first == kept).all()
    model.close()


def test_the_next_start_takes_the_graph_from_the_cache_and_computes_the_same_bits(tmp_path: Path) -> None:
    given = golden_checkpoint("bert")
    first = load_encoder(given, 2, cache=tmp_path).model
    second = load_encoder(msgspec.structs.replace(given, weights={}), 2, cache=tmp_path).model
    assert (encode(first, tokens(64), tokens(9)) == encode(second, tokens(64), tokens(9))).all()


def test_what_is_kept_of_one_way_to_pool_or_hold_it_serves_no_other(tmp_path: Path) -> None:
    rows = [
        encode(load_encoder(changed(pooling=pooling), 2, precision, cache=tmp_path).model, tokens(20))[0]
        for pooling in (("mean",), ("cls",))
        for precision in ("f32", "int8")
    ]
    assert len({row.tobytes() for row in rows}) == 4


def test_rows_that_groups_of_4_bits_do_not_divide_are_told_to_have_8() -> None:
    told = load_encoder(golden_checkpoint("bert"), 2, "int4").precision
    assert told == "4-bit codes, 8-bit ones for 3 of 18 matrices, whose rows 64 does not divide"


def test_a_cross_encoder_gives_a_score() -> None:
    given = golden_checkpoint("bert_classifier")
    facts = msgspec.structs.replace(given.architecture, labels=1)
    kept = {name: First(weight) if name.startswith("classifier") else weight for name, weight in given.weights.items()}
    found = load_encoder(msgspec.structs.replace(given, architecture=facts, weights=kept), threads=2)
    assert (found.labels, found.model.width) == (1, 1)
    assert encode(found.model, tokens(64))[0, 0] == pytest.approx(golden("bert_classifier").logits.ravel()[0], abs=1e-4)


@pytest.mark.parametrize(("mode", "made"), [("mean_tokens", lambda x: x.mean(0)), ("cls_token", lambda x: x[0])])
def test_a_modernbert_gives_the_vectors_of_transformers(tmp_path: Path, mode: str, made: Any) -> None:
    folder = write_folder(tmp_path, MODERN["plain"], modern_tensors(MODERN["plain"]), **sentence(mode))
    with np.load(GOLDEN_MODERN) as golden:
        expected = [made(golden[f"plain_{len(text)}"]) for text in TEXTS]
    found = load_encoder(open_checkpoint(folder), threads=2)
    assert np.abs(encode(found.model, *TEXTS) - expected).max() < 1e-4
    assert (found.labels, found.normalize) == (0, True)


@pytest.mark.parametrize("name", ["cross_cls", "cross_mean"])
def test_a_modernbert_that_scores_gives_the_score_of_transformers(tmp_path: Path, name: str) -> None:
    tensors = modern_tensors(MODERN[name])
    tensors |= {f"classifier.{part}": tensors[f"classifier.{part}"][:1] for part in ("weight", "bias")}
    found = load_encoder(open_checkpoint(write_folder(tmp_path, MODERN[name], tensors)), threads=2)
    with np.load(GOLDEN_MODERN) as golden:
        expected = [golden[f"{name}_{len(text)}"][:1] for text in TEXTS]
    assert np.abs(encode(found.model, *TEXTS) - expected).max() < 1e-4
    assert found.labels == 1


@pytest.mark.parametrize("name", EMBEDDERS)
def test_a_decoder_that_pools_its_tokens_gives_the_vectors_of_transformers(tmp_path: Path, name: str) -> None:
    told, mode = EMBEDDERS[name]
    with np.load(GOLDEN_VECTORS) as golden:
        expected = golden[name]
    model = load_encoder(open_checkpoint(write_folder(tmp_path, told, **sentence(mode))), threads=2).model
    texts = (TEXT, TEXT[: len(TEXT) // 2])
    together = encode(model, *texts)
    assert np.abs(together - expected).max() < 1e-4
    alone = np.concatenate([encode(model, text) for text in texts])
    assert np.abs(together - alone).max() < ALIKE


@pytest.mark.parametrize("name", SENTENCES)
def test_vectors_are_those_of_sentence_transformers_modules(tmp_path: Path, name: str) -> None:
    told, modes, behind = SENTENCES[name]
    with np.load(GOLDEN_VECTORS) as golden:
        expected = golden[name]
    given = open_checkpoint(write_dense(write_folder(tmp_path, told, **sentence(*modes, behind=behind)), behind))
    found = load_encoder(given, threads=2)
    texts = (TEXT, TEXT[: len(TEXT) // 2])
    together = encode(found.model, *texts)
    assert found.model.width == expected.shape[1]
    assert found.normalize == (bool(behind) and behind[-1] is None)
    unit = together / np.linalg.norm(together, axis=1, keepdims=True) if found.normalize else together
    assert np.abs(unit - expected).max() < 1e-4
    alone = np.concatenate([encode(found.model, text) for text in texts])
    assert np.abs(together - alone).max() < ALIKE


@pytest.mark.parametrize("precision", ["bf16", "int8", "int4"])
def test_layers_behind_are_held_as_the_others_are(tmp_path: Path, precision: Any) -> None:
    told, modes, behind = SENTENCES["bert_dense"]
    given = open_checkpoint(write_dense(write_folder(tmp_path, told, **sentence(*modes, behind=behind)), behind))
    exact, found = (encode(load_encoder(given, 2, form).model, TEXT)[0] for form in ("f32", precision))
    assert exact @ found / np.linalg.norm(exact) / np.linalg.norm(found) > 0.97


@pytest.mark.parametrize(("number", "causal"), [(1, True), (2, True), (3, True), (3, False)])
def test_so_does_one_of_a_gguf_file(tmp_path: Path, number: int, causal: bool) -> None:
    file = write_gguf(tmp_path / "m.gguf", "qwen3", pooling_type=number, attention__causal=causal)
    given = open_checkpoint(file)
    states = hidden(given, TEXT)
    expected = {1: states.mean(0), 2: states[0], 3: states[-1]}[number]
    found = encode(load_encoder(given, threads=2).model, TEXT[:5], TEXT)[1]
    assert np.abs(found - expected).max() < 1e-4


def test_where_none_sees_what_is_behind_texts_have_a_limit_unless_another_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.runtimes.openvino_encoder.LONGEST_UNASKED", 16)
    causal, other = (
        open_checkpoint(
            write_folder(tmp_path / str(causal), config("qwen2", is_causal=causal), **sentence("lasttoken"))
        )
        for causal in (True, False)
    )
    assert load_encoder(causal, 2).model.max_tokens == 16
    assert load_encoder(causal, 2, max_context=20).model.max_tokens == 20
    assert load_encoder(other, 2).model.max_tokens == other.max_input


class First:
    """The first row of a weight."""

    def __init__(self, weight: Weight) -> None:
        self._weight = weight
        self.shape = (1, *weight.shape[1:])
        self.kind = weight.kind

    def dense(self) -> NDArray[np.float32]:
        return self._weight.dense()[:1]

    def cut(self, begin: int, end: int) -> Weight:
        return self._weight.cut(begin, end)

    def grouped(self) -> None:
        return None


def test_one_of_several_labels_is_refused() -> None:
    with pytest.raises(ModelInvalid) as refusal:
        load_encoder(changed(labels=3), threads=2)
    assert refusal.value.where == "architecture.labels"


def test_a_text_is_no_longer_than_is_asked_or_can_be() -> None:
    given = golden_checkpoint("bert")
    assert load_encoder(given, 2, max_context=16).model.max_tokens == 16
    assert load_encoder(given, 2).model.max_tokens == min(given.max_input, CONTEXT)


@pytest.mark.parametrize("precision", ["bf16", "int8", "int4"])
def test_every_precision_answers_nearly_as_float32_does(precision: Any) -> None:
    exact = encode(load_encoder(golden_checkpoint("bert"), 2).model, tokens(20))[0]
    found = encode(load_encoder(golden_checkpoint("bert"), 2, precision).model, tokens(20))[0]
    assert exact @ found / np.linalg.norm(exact) / np.linalg.norm(found) > 0.97

"""Texts one behind another are read as those that are filled up, and to the bit as alone."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from headrace.graphs.encoder import build_encoder
from headrace.graphs.linear import Precision
from headrace.graphs.packed_encoder import build_packed_encoder, packs
from headrace.graphs.pooling import PACKED_POOLING
from headrace.runtimes.language import TextBatch
from headrace.runtimes.text_inputs import packed_inputs, padded_inputs
from headrace.weights.checkpoint import Checkpoint, Pooling
from headrace.weights.open import open_checkpoint
from tests.graphs.paged import F32
from tests.graphs.tiny import golden_checkpoint, tokens
from tests.tiles import kernels
from tests.weights.models import ENCODERS, write_folder
from tests.weights.reference import VARIANTS

LENGTHS = (30, 1, 64, 17)
TEXTS = [tokens(length) for length in LENGTHS]
KIN = sorted(name for name, told in VARIANTS.items() if told["model_type"] in ENCODERS)


def precision() -> Precision:
    return Precision("tiles32", library=kernels())


def pooling(given: Checkpoint, *ways: Pooling) -> Checkpoint:
    return msgspec.structs.replace(given, architecture=msgspec.structs.replace(given.architecture, pooling=ways))


def laid(texts: list[NDArray[np.int64]]) -> TextBatch:
    ids = np.concatenate(texts)
    return TextBatch(ids, np.array([len(text) for text in texts]), (np.arange(len(ids)) % 3 == 0).astype(np.int64))


def rows(model: ov.Model, inputs: Any) -> NDArray[np.float32]:
    core = ov.Core()
    core.add_extension(str(kernels()))
    request = core.compile_model(model, "CPU", F32).create_infer_request()
    names = {port.any_name for port in model.inputs}
    request.infer({name: array for name, array in inputs.items() if name in names})
    found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return found


def same(given: Checkpoint) -> None:
    longest, vocabulary = given.architecture.max_context, given.architecture.vocabulary
    batch = laid([text[:longest] % vocabulary for text in TEXTS])
    padded = rows(build_encoder(given, Precision()), padded_inputs(batch, longest))
    packed = rows(build_packed_encoder(given, precision()), packed_inputs(batch))
    assert np.abs(packed - padded).max() < 2e-4


@pytest.mark.parametrize("way", sorted(PACKED_POOLING))
def test_each_way_to_pool_gives_what_it_gives_of_texts_filled_up(way: Pooling) -> None:
    same(pooling(golden_checkpoint("bert"), way))


def test_so_does_a_cross_encoder() -> None:
    same(golden_checkpoint("bert_classifier"))


@pytest.mark.parametrize("name", KIN)
def test_so_does_every_kin_of_bert_that_is_packed(tmp_path: Path, name: str) -> None:
    given = open_checkpoint(write_folder(tmp_path, VARIANTS[name]))
    given = given if given.architecture.labels else pooling(given, "mean")
    if not packs(given.architecture, precision()):
        assert given.architecture.distances
        return
    same(given)


def test_a_text_has_the_same_bits_alone_and_in_company() -> None:
    given, types = pooling(golden_checkpoint("bert"), "mean"), np.zeros(64, np.int64)
    together = rows(build_packed_encoder(given, precision()), packed_inputs(plain(TEXTS)))
    for row, text in zip(together, TEXTS, strict=True):
        alone = TextBatch(text, np.array([len(text)]), types[: len(text)])
        assert np.array_equal(rows(build_packed_encoder(given, precision()), packed_inputs(alone))[0], row)


def plain(texts: list[NDArray[np.int64]]) -> TextBatch:
    batch = laid(texts)
    return msgspec.structs.replace(batch, types=np.zeros_like(batch.types))


def test_what_has_no_kernel_for_it_is_not_packed() -> None:
    facts = golden_checkpoint("bert").architecture
    of_means = msgspec.structs.replace(facts, pooling=("mean",))
    assert packs(of_means, precision())
    assert not packs(of_means, Precision())
    assert not packs(msgspec.structs.replace(facts, pooling=("mean", "max")), precision())
    assert not packs(msgspec.structs.replace(of_means, distances=32), precision())
    assert packs(msgspec.structs.replace(facts, pooling=()), precision())


def test_whole_layers_in_codes_of_8_bits_pool_and_score_nearly_as_floats_do() -> None:
    given = pooling(golden_checkpoint("bert"), "mean")
    batch = laid([text % given.architecture.vocabulary for text in TEXTS])
    held = Precision("tiles8x8", "tiles8", library=kernels())
    found, wanted = (rows(build_packed_encoder(given, each), packed_inputs(batch)) for each in (held, precision()))
    likeness = (found * wanted).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
    assert likeness.min() > 0.98

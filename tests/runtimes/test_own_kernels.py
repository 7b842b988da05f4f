"""Which files are computed by our own kernels, and that they are the same encoders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.runtimes import own_kernels
from headrace.runtimes.load import Loading, load
from headrace.runtimes.own_kernels import Likeness, by_own_kernels, likeness
from headrace.runtimes.packed_texts import IDS, MASK, OUTPUT, TYPES
from headrace.runtimes.runtime import LoadedModel
from headrace.types import Manifest, TensorSpec
from tests.graphs.onnx_bert import CONTEXT, VOCABULARY, Form, bert
from tests.runtimes.manifests import manifest
from tests.tiles import kernels


def placed(folder: Path, form: Form, **parameters: Any) -> Manifest:
    """A small BERT's manifest."""
    path = folder / "model.onnx"
    path.write_bytes(bert(form).SerializeToString())
    return manifest(path, parameters=parameters)


def loaded(said: Manifest) -> LoadedModel:
    found = load(Loading(said, 1, 16, 1e-3))
    return found.model


def texts(*lengths: int) -> dict[str, NDArray[np.generic]]:
    random, longest = np.random.default_rng(1), max(lengths)
    there = np.arange(longest) < np.array(lengths)[:, None]
    ids = random.integers(0, VOCABULARY, there.shape)
    return {IDS: np.where(there, ids, 0), MASK: there.astype(np.int64), TYPES: np.zeros_like(ids)}


DYNAMIC, FLOAT = Form(matrices="dynamic"), Form()


def test_a_quantised_encoder_is_ours_and_a_row_is_the_same_in_any_company(tmp_path: Path) -> None:
    kernels()
    found = load(Loading(placed(tmp_path, DYNAMIC), 1, 16, 1e-3))
    pad = found.signature.batch.pad
    assert "our kernels" in found.signature.runtime
    assert pad is not None and pad.packed and pad.difference == 0
    given = texts(3, 9, 1)
    together = found.model.run(given, ())[OUTPUT]
    for row, length in enumerate((3, 9, 1)):
        alone = found.model.run({name: array[row : row + 1, :length] for name, array in given.items()}, ())[OUTPUT]
        assert np.array_equal(together[row, :length], alone[0])


def test_it_answers_as_its_file_does(tmp_path: Path) -> None:
    kernels()
    ours = loaded(placed(tmp_path, DYNAMIC))
    files = loaded(placed(tmp_path, DYNAMIC, kernels="runtime"))
    assert likeness(files, ours, VOCABULARY, CONTEXT).mean > 0.95


def test_floats_are_left_to_their_runtime_unless_asked_otherwise(tmp_path: Path) -> None:
    kernels()
    assert "our kernels" not in loaded(placed(tmp_path, FLOAT)).runtime
    ours = loaded(placed(tmp_path, FLOAT, kernels="own"))
    files = loaded(placed(tmp_path, FLOAT))
    assert "our kernels" in ours.runtime
    given = texts(3, 9)
    there = given[MASK] == 1
    assert np.abs(ours.run(given, ())[OUTPUT][there] - files.run(given, ())[OUTPUT][there]).max() < 1e-3


def test_what_is_no_encoder_is_left_to_its_runtime_and_said_where_it_was_asked_for(tmp_path: Path) -> None:
    kernels()
    causal = Form(matrices="dynamic", mask="causal")
    assert "our kernels" not in loaded(placed(tmp_path, causal)).runtime
    with pytest.raises(ModelInvalid, match="not that of an encoder") as refused:
        loaded(placed(tmp_path, causal, kernels="own"))
    assert refused.value.where == "parameters.kernels"


def test_other_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="auto, own, runtime"):
        loaded(placed(tmp_path, FLOAT, kernels="ours"))


def test_answers_that_would_be_others_are_left_to_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels()
    monkeypatch.setattr(own_kernels, "likeness", lambda *_: Likeness(0.99, 0.4))
    assert "our kernels" not in loaded(placed(tmp_path, DYNAMIC)).runtime


class Vectors:
    """States that are what they are made to be."""

    platform, runtime, coarse = "fake", "fake", False
    outputs: tuple[TensorSpec, ...] = ()

    def __init__(self, like: LoadedModel, states: NDArray[np.float32]) -> None:
        self.inputs = like.inputs
        self._states = states

    def run(self, arrays: Any, outputs: tuple[str, ...]) -> Any:
        rows, length = arrays[IDS].shape
        return {OUTPUT: np.resize(self._states, (rows, length, len(self._states)))}

    def close(self) -> None: ...


def test_likeness_is_the_cosine_of_tokens(tmp_path: Path) -> None:
    like = by_own_kernels(loaded(placed(tmp_path, FLOAT)), placed(tmp_path, FLOAT), 1, None)
    one, other = (Vectors(like, np.array(states, np.float32)) for states in ([1, 0], [1, 1]))
    assert likeness(one, one, 50, 40).mean == pytest.approx(1.0)
    assert likeness(one, other, 50, 40).least == pytest.approx(2**-0.5)

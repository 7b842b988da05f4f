"""Keys are brought to one size, and nothing that is computed from them changes."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.graphs.even_keys import key_factors, of_heads
from headrace.graphs.layer import Tensors
from headrace.weights.checkpoint import Checkpoint
from tests.graphs.test_tile_decoder import on_tiles
from tests.graphs.tiny import Drawn, golden, golden_checkpoint, tokens

TEXT = tokens(64)


def uneven(name: str, times: float) -> Checkpoint:
    """A tiny model, of which two numbers of each key that turn together are so many times as large, and those of
    queries so much smaller: their products are the model's."""
    given = golden_checkpoint(name)
    dim = given.architecture.head_dim
    weights = dict(given.weights)
    for each, weight in given.weights.items():
        kind = each.rpartition(".")[2]
        if kind in ("q_norm", "k_norm") or (kind in ("q", "k", "q_bias", "k_bias") and not given.architecture.qk_norm):
            values = weight.dense().copy()
            heads = values.reshape(-1, dim, *values.shape[1:])
            heads[:, [1, 1 + dim // 2]] *= times if kind.startswith("k") else 1 / times
            weights[each] = Drawn(values)
    return msgspec.structs.replace(given, weights=weights)


def factors_of(name: str, times: float) -> NDArray[np.float32]:
    given = uneven(name, times)
    found = key_factors(Tensors(given.weights).layer(0), given.architecture)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["qwen2", "qwen3"])
def test_large_numbers_have_large_factors_that_are_powers_of_two_and_one_for_what_turns_together(name: str) -> None:
    found = factors_of(name, 200.0)
    half = found.shape[1] // 2
    assert np.array_equal(found[:, :half], found[:, half:])
    assert np.array_equal(found, np.exp2(np.rint(np.log2(found))))
    assert found[:, 1].min() > 16 * np.delete(found[:, :half], 1, axis=1).max()


def test_a_model_without_biases_or_norms_of_keys_keeps_them_as_they_are() -> None:
    given = golden_checkpoint("llama")
    assert key_factors(Tensors(given.weights).layer(0), given.architecture) is None


def test_heads_of_a_group_have_the_factors_of_their_keys() -> None:
    assert of_heads(np.array([[1, 2], [4, 8]], np.float32), 4).tolist() == [1, 2, 1, 2, 4, 8, 4, 8]


@pytest.mark.parametrize("name", ["qwen2", "qwen3"])
def test_codes_of_uneven_keys_lose_little(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, exact = uneven(name, 200.0), golden(name).logits
    even = np.abs(on_tiles(name, given).read(TEXT, [64], [3, 1]) - exact).mean()
    monkeypatch.setattr("headrace.graphs.attention.key_factors", lambda *_: None)
    as_it_is = np.abs(on_tiles(name, given).read(TEXT, [64], [3, 1]) - exact).mean()
    assert even < 0.2
    assert as_it_is > 3 * even

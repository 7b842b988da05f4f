"""A step's logits are right, and the same bits alone and in company."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.errors import Unavailable
from headrace.graphs.linear import Precision
from headrace.runtimes.openvino_language import OpenVinoLanguage
from tests.graphs.tiny import golden, tokens
from tests.processor import HAS_BF16
from tests.runtimes.paging import Part, language, step

TEXT = [int(token) for token in tokens(64)]
INT8 = Precision("int8", "int8")


@pytest.fixture(scope="module")
def exact() -> OpenVinoLanguage:
    return language()


@pytest.fixture(scope="module", params=["f32", "f16", "u8"])
def coarse(request: pytest.FixtureRequest) -> OpenVinoLanguage:
    """8-bit weights, at every precision of the cache: activations are rounded, so that no difference stays small."""
    return language(precision=INT8, kv_precision=request.param)


def test_a_model_says_its_sizes(exact: OpenVinoLanguage) -> None:
    assert (exact.vocabulary, exact.max_context, exact.block_size) == (128, 256, 32)
    assert exact.block_bytes == 3 * 2 * 32 * 2 * 16 * 4  # layers, keys and values, tokens, heads, dimensions, bytes


def test_logits_are_the_golden_ones_at_the_rows_that_are_wanted(exact: OpenVinoLanguage) -> None:
    found = step(exact, (TEXT, 0, [3, 1]), rows=[5, 63, 0])
    assert np.abs(found - golden("llama").logits[[5, 63, 0]]).max() < 1e-3


def test_a_step_without_wanted_rows_gives_none(exact: OpenVinoLanguage) -> None:
    assert step(exact, (TEXT, 0, [3, 1]), rows=[]).shape == (0, 128)


@pytest.mark.parametrize("name", ["gemma3", "gemma2"])
def test_windows_and_soft_caps_are_the_models_own(name: str) -> None:
    found = step(language(name), (TEXT, 0, [3, 1]), rows=range(64))
    assert np.abs(found - golden(name).logits).max() < 1e-3


def test_what_lies_in_unused_slots_does_not_matter(exact: OpenVinoLanguage) -> None:
    for cache in exact._caches:
        cache[...] = 0xFF
    found = step(exact, (TEXT[:40], 0, [5, 6]), rows=range(40))
    assert np.abs(found - golden("llama").logits[:40]).max() < 1e-3


def test_a_token_alone_has_the_logits_that_it_has_in_company(coarse: OpenVinoLanguage) -> None:
    parts: list[Part] = [(TEXT[:n], 0, [1 + 2 * i, 2 + 2 * i]) for i, n in enumerate((5, 33, 40, 63))]
    step(coarse, *parts)
    nexts: list[Part] = [([7], len(ids), table) for ids, _, table in parts]
    together = step(coarse, *nexts)
    for expected, part in zip(together, nexts, strict=True):
        assert np.array_equal(step(coarse, part)[0], expected)
        assert np.array_equal(step(coarse, part, (TEXT[:20], 0, [10]))[0], expected)


def test_a_prompt_in_chunks_has_the_logits_of_the_whole(coarse: OpenVinoLanguage) -> None:
    whole = step(coarse, (TEXT, 0, [1, 2]))[0]
    for size in (16, 32, 30):
        for begin in range(0, 64, size):
            last = step(coarse, (TEXT[begin : begin + size], begin, [3, 4]), (TEXT[:9], 0, [5]))[0]
        assert np.array_equal(last, whole)


def test_tokens_proposed_ahead_are_computed_as_one_after_another_where_each_is_a_sequence(
    coarse: OpenVinoLanguage,
) -> None:
    step(coarse, (TEXT[:40], 0, [1, 2]))
    serial = [step(coarse, ([token], 40 + i, [1, 2]))[0] for i, token in enumerate(TEXT[40:44])]
    at_once = step(coarse, *[([token], 40 + i, [1, 2]) for i, token in enumerate(TEXT[40:44])])
    assert np.array_equal(at_once, serial)


BEHIND_ONE_BLOCK = [(TEXT[:32], 0), (TEXT[32:33], 32), (TEXT[33:34], 33)]
WITHIN_ONE = [(TEXT[:40], 0), (TEXT[40:41], 40), (TEXT[41:42], 41)]
needs_bf16 = pytest.mark.skipif(not HAS_BF16, reason="this processor does not compute in bfloat16")


@pytest.mark.parametrize(
    ("compute", "kv_precision", "wiped"),
    [
        ("f32", "f32", True),
        ("f32", "f16", False),
        ("f32", "u8", False),
        pytest.param("bf16", "bf16", True, marks=needs_bf16),
        pytest.param("bf16", "f16", True, marks=needs_bf16),  # it is held as bf16 there
        pytest.param("bf16", "u8", False, marks=needs_bf16),
    ],
)
def test_only_behind_several_tokens_in_their_block_is_anything_of_a_step_lost(
    compute: str, kv_precision: str, wiped: bool
) -> None:
    """Steps are laid so that nothing stands there; a plug-in that wipes more, or nothing, is to be noticed."""
    model = language(kv_precision=kv_precision, compute=compute)

    def next_token(parts: list[tuple[list[int], int]], apart: bool) -> NDArray[np.float32]:
        """The logits of the token behind parts of one text that are computed in a step each, or in one."""
        for cache in model._caches:
            cache[...] = 0
        for some in [[part] for part in parts] if apart else [parts]:
            step(model, *[(ids, past, [1, 2]) for ids, past in some])
        ids, past = parts[-1]
        return step(model, ([7], past + len(ids), [1, 2]))

    assert np.array_equal(next_token(BEHIND_ONE_BLOCK, apart=True), next_token(BEHIND_ONE_BLOCK, apart=False))
    assert np.array_equal(next_token(WITHIN_ONE, apart=True), next_token(WITHIN_ONE, apart=False)) != wiped


def test_what_it_does_at_rest_changes_no_token(exact: OpenVinoLanguage) -> None:
    step(exact, (TEXT[:40], 0, [1, 2]))
    before = step(exact, ([3], 40, [1, 2]))
    while exact.rest():
        pass
    assert np.array_equal(step(exact, ([3], 40, [1, 2])), before)


def test_a_copied_block_holds_the_same_tokens(exact: OpenVinoLanguage) -> None:
    step(exact, (TEXT[:40], 0, [1, 2]))
    exact.copy_blocks([(1, 7), (2, 8)])
    original = step(exact, ([3], 40, [1, 2]))
    assert np.array_equal(step(exact, ([3], 40, [7, 8])), original)


def test_warming_up_touches_block_0_only(exact: OpenVinoLanguage) -> None:
    step(exact, (TEXT[:40], 0, [1, 2]))
    before = [cache[1:].copy() for cache in exact._caches]
    exact.warm_up()
    assert all(np.array_equal(cache[1:], kept) for cache, kept in zip(exact._caches, before, strict=True))


def test_one_wanted_row_has_the_logits_that_it_has_among_others(coarse: OpenVinoLanguage) -> None:
    together = step(coarse, (TEXT[:40], 0, [1, 2]), (TEXT[:9], 0, [3]))
    assert np.array_equal(step(coarse, (TEXT[:40], 0, [4, 5]))[0], together[0])


def test_what_need_not_be_exact_is_computed_without_a_row_more() -> None:
    model = language(precision=INT8, exact=False)
    step(model, (TEXT[:40], 0, [1, 2]))
    assert step(model, ([7], 40, [1, 2])).shape == (1, 128)
    fed = model._any.feeds["input_ids"]._view
    assert fed is not None and fed.size == 1


def test_a_cache_that_memory_cannot_hold_is_refused() -> None:
    with pytest.raises(Unavailable) as refusal:
        language(num_blocks=2**40)
    assert refusal.value.where == "llm.kv_memory"


def test_steps_of_many_tokens_have_another_graph_on_the_same_cache() -> None:
    one, two = language(exact=False), language(exact=False, many_from=40)
    for model in (one, two):
        step(model, (TEXT[:40], 0, [1, 2]))
    assert two._many is not None and two._running is two._many
    found = [step(model, (TEXT[40:48], 40, [1, 2]))[0] for model in (one, two)]
    assert np.abs(found[0] - found[1]).max() < 1e-4
    assert two._running is two._any

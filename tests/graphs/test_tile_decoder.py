"""A decoder on tiles answers almost as one in float32, and to the bit the same however its texts come."""

import msgspec
import numpy as np
import openvino as ov
import pytest

from headrace.graphs.linear import Precision
from headrace.graphs.tile_decoder import build_tile_decoder, fits_tiles
from headrace.weights.checkpoint import Checkpoint
from tests.graphs.paged import F32, Paged
from tests.graphs.tiny import CONTEXT, VARIANTS, golden, golden_checkpoint, tokens
from tests.tiles import kernels

DECODERS = [name for name, variant in VARIANTS.items() if variant.family != "bert"]
TEXT = tokens(64)


def on_tiles(name: str, given: Checkpoint | None = None) -> Paged:
    """A tiny model of seeds, or another one, with 8-bit codes."""
    given = given or golden_checkpoint(name)
    model = build_tile_decoder(given, Precision("tiles8", "tiles8", library=kernels()), CONTEXT)
    core = ov.Core()
    core.add_extension(str(kernels()))
    return Paged.over(core.compile_model(model, "CPU", F32))


@pytest.mark.parametrize("name", DECODERS)
def test_every_family_answers_almost_as_in_float32(name: str) -> None:
    found = on_tiles(name).read(TEXT, [64], [3, 1])
    assert np.abs(found - golden(name).logits).mean() < 0.2


@pytest.mark.parametrize("name", DECODERS)
def test_a_text_has_the_same_bits_however_it_is_cut_and_whoever_is_beside_it(name: str) -> None:
    paged = on_tiles(name)
    whole = paged.read(TEXT, [64], [3, 1])
    assert np.array_equal(paged.read(TEXT, [13, 20, 7] + [1] * 24, [4, 5]), whole)
    paged.step([(TEXT[:40], 0, [6, 7])])
    beside = paged.step([(TEXT[:50], 0, [8, 9]), (TEXT[40:41], 40, [6, 7]), (TEXT[:3], 0, [10])])
    assert np.array_equal(beside, np.concatenate([whole[:50], whole[40:41], whole[:3]]))


def test_a_block_may_be_shared_in_the_step_that_fills_it() -> None:
    paged = on_tiles("llama")
    whole = paged.read(TEXT, [64], [3, 1])
    for first in range(4, 12, 2):
        paged.step([(TEXT[:31], 0, [first])])
        parts = [(TEXT[31:32], 31, [first]), *[(TEXT[32:33], 32, [first, 12 + i]) for i in range(3)]]
        for order in (parts, parts[::-1]):
            found = paged.step(order)
            assert np.array_equal(found, whole[[31 + (len(part[2]) > 1) for part in order]])


@pytest.mark.parametrize(("dim", "fits"), [(16, True), (80, True), (256, True), (24, False), (272, False)])
def test_heads_are_whole_vectors_of_at_most_256(dim: int, fits: bool) -> None:
    facts = golden_checkpoint("llama").architecture
    assert fits_tiles(msgspec.structs.replace(facts, head_dim=dim)) is fits

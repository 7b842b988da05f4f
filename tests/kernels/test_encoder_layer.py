"""A whole layer of an encoder is what its parts are one after another, to the bit, however many threads there are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.kernels import operations
from headrace.kernels.operations import Biased, EncoderHeads
from tests.kernels.test_operations import Floats, coded, compiled
from tests.kernels.test_text_attention import begins_of
from tests.tiles import kernels

HIDDEN = 96
ABOUT = EncoderHeads(heads=3, dim=32, inner=200, scale=0.2, epsilon=1e-6, bend="gelu")


def matrices(about: EncoderHeads) -> list[Biased]:
    width = about.heads * about.dim
    shapes = [(3 * width, HIDDEN), (HIDDEN, width), (about.inner, HIDDEN), (HIDDEN, about.inner)]
    random = np.random.default_rng(0)
    return [
        (operations.matrix(*coded(*shape, seed)), random.normal(size=shape[0]).astype(np.float32))
        for seed, shape in enumerate(shapes)
    ]


def norms() -> list[tuple[Floats, Floats]]:
    random = np.random.default_rng(1)
    return [
        (random.normal(size=HIDDEN).astype(np.float32), random.normal(size=HIDDEN).astype(np.float32)) for _ in "12"
    ]


def given() -> list[Any]:
    return [
        op.parameter([-1, HIDDEN], ov.Type.f32),
        op.parameter([-1], ov.Type.i32),
        op.parameter([-1], ov.Type.i32),
    ]


def layer_of(about: EncoderHeads = ABOUT, threads: int = 2) -> Any:
    texts = given()
    return compiled(texts, [operations.encoder_layer(kernels(), texts, matrices(about), norms(), about)], threads)


def parts_of(about: EncoderHeads) -> Any:
    """The same by an operation each."""
    library, texts = kernels(), given()
    x, begins, seen = texts
    (joined, mixed, up, down), (first, last) = matrices(about), norms()

    def normed(x: Any, norm: tuple[Floats, Floats]) -> Any:
        return operations.layer_norm(library, x, op.constant(norm[0]), op.constant(norm[1]), about.epsilon)

    rows = operations.product(library, x, *joined, narrow=True)
    found = operations.text_attention(library, rows, begins, about.heads, about.scale, seen, narrow=True)
    x = normed(operations.added(library, x, operations.product(library, found, *mixed, narrow=True)), first)
    half = operations.bent(library, operations.product(library, x, *up, narrow=True), about.bend)
    x = normed(operations.added(library, x, operations.product(library, half, *down, narrow=True)), last)
    return compiled(texts, [x])


def texts_of(lengths: Sequence[int], seen: Sequence[int] | None = None) -> list[NDArray[Any]]:
    x = np.random.default_rng(sum(lengths)).normal(size=(sum(lengths), HIDDEN)).astype(np.float32)
    return [x, begins_of(lengths), np.array(lengths if seen is None else seen, np.int32)]


@pytest.mark.parametrize("bend", ["gelu", "gelu_tanh"])
@pytest.mark.parametrize("lengths", [[1], [40], [150], [5, 30, 1, 33, 64, 100, 7, 20, 20, 20]])
def test_it_is_what_its_parts_are(lengths: list[int], bend: operations.Bend) -> None:
    about = EncoderHeads(heads=3, dim=32, inner=200, scale=0.2, epsilon=1e-6, bend=bend)
    texts = texts_of(lengths)
    wanted = parts_of(about)(texts)[0].copy()
    for threads in (1, 2):
        assert np.array_equal(layer_of(about, threads)(texts)[0], wanted)


def test_tokens_that_are_not_seen_are_computed_and_a_text_of_nothing_is_none() -> None:
    texts = texts_of([10, 0, 25], [7, 0, 25])
    assert np.array_equal(layer_of()(texts)[0], parts_of(ABOUT)(texts)[0])


def test_a_text_has_the_same_bits_alone_and_in_company() -> None:
    lengths, run = [40, 7, 64, 1, 120, 33], layer_of()
    x, begins, _ = texts_of(lengths)
    together = run([x, begins, np.array(lengths, np.int32)])[0].copy()
    for begin, length in zip(begins, lengths, strict=False):
        alone = run([x[begin : begin + length], begins_of([length]), np.array([length], np.int32)])[0]
        assert np.array_equal(alone, together[begin : begin + length])


def test_no_texts_are_nothing() -> None:
    assert layer_of()([np.zeros((0, HIDDEN), np.float32), np.zeros(1, np.int32), np.zeros(0, np.int32)])[0].size == 0


@pytest.mark.parametrize(
    ("begins", "seen"),
    [
        ([0, 2**31 - 1, -(2**31), -1000, 8], [1, 1, 1, 1]),
        ([0, 8], [9]),
        ([0, 8], [0]),
        ([1, 8], [7]),
        ([0, 7], [7]),
        ([0, 9, 8], [9, 1]),
        ([0, 8], []),
    ],
)
def test_texts_that_are_none_are_refused(begins: list[int], seen: list[int]) -> None:
    x, _, _ = texts_of([8])
    with pytest.raises(RuntimeError):
        layer_of()([x, np.array(begins, np.int32), np.array(seen, np.int32)])


@pytest.mark.parametrize("number", range(4))
def test_matrices_of_other_shapes_are_refused(number: int) -> None:
    texts, held = given(), matrices(ABOUT)
    held[number] = operations.matrix(*coded(64, 32)), np.zeros(64, np.float32)
    with pytest.raises(RuntimeError):
        operations.encoder_layer(kernels(), texts, held, norms(), ABOUT)

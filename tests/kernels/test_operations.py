"""Our operations in a graph: what they compute, to the bit where whole numbers are added."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.kernels import operations
from headrace.kernels.operations import Bend, Matrix, TurnedHeads
from tests.kernels.test_codes4 import pack, reading, unpacked
from tests.tiles import kernels

Floats = NDArray[np.float32]

SHAPES = [(100, 200), (576, 64), (31, 65), (33, 130), (16, 16), (1, 1)]


class Held(NamedTuple):
    """A matrix as it is held, and as numbers of what is held."""

    matrix: Matrix
    numbers: NDArray[np.int8]
    scales: Floats


def coded(rows: int, width: int, seed: int = 0) -> tuple[NDArray[np.int8], Floats]:
    random = np.random.default_rng([rows, width, seed])
    codes = random.integers(-127, 128, (rows, width)).astype(np.int8)
    return codes, random.uniform(0.001, 0.01, (rows, 1)).astype(np.float32)


def held(bits: int, rows: int, width: int) -> Held:
    codes, scales = coded(rows, width)
    if bits == 8:
        return Held(operations.matrix(codes, scales), codes, scales)
    values = codes * scales
    packed, scales = pack(values)
    return Held(operations.matrix4(reading(values), rows, width), unpacked(packed, rows, width), scales[:, None])


def compiled(parameters: Sequence[Any], results: Sequence[Any], threads: int = 2) -> Any:
    core = ov.Core()
    core.add_extension(str(kernels()))
    model = ov.Model([op.result(each) for each in results], list(parameters), "trial")
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return core.compile_model(model, "CPU", options)


def product_of(weights: Matrix, width: int, threads: int = 2) -> Any:
    x = op.parameter([-1, width], ov.Type.f32)
    return compiled([x], [operations.product(kernels(), x, weights)], threads)


def expected(x: Floats, codes: NDArray[np.int8], scales: Floats) -> Floats:
    """What the kernel promises: rows as codes of 16 bits, exact sums."""
    worths = np.abs(x).max(axis=1, keepdims=True) / np.float32(32512)
    with np.errstate(divide="ignore"):
        factors = np.where(worths > 0, np.float32(32512) / np.abs(x).max(axis=1, keepdims=True), 0)
    rounded = np.rint(x * factors.astype(np.float32)).astype(np.int64)
    found: Floats = (rounded @ codes.T.astype(np.int64)) * (worths.astype(np.float64) * scales.T)
    return found


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_a_product_is_that_of_codes_of_16_bits(rows: int, width: int, bits: int) -> None:
    weights, numbers, scales = held(bits, rows, width)
    run = product_of(weights, width)
    for count in (1, 7, 8, 9, 16, 17, 24, 25, 32, 40, 130):
        x = np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)
        np.testing.assert_allclose(run([x])[0], expected(x, numbers, scales), rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 4])
def test_a_row_has_the_same_bits_whatever_stands_beside_it_and_however_many_threads_there_are(bits: int) -> None:
    weights, width = held(bits, 300, 200).matrix, 200
    x = np.random.default_rng(0).normal(size=(150, width)).astype(np.float32)
    together, by_one = product_of(weights, width)([x])[0], product_of(weights, width, threads=1)([x])[0]
    assert np.array_equal(together, by_one)
    run = product_of(weights, width)
    for size in (1, 5, 8, 24):
        parts = [run([x[at : at + size]])[0].copy() for at in range(0, len(x), size)]
        assert np.array_equal(np.concatenate(parts), together)


def normed(x: Floats, weight: Floats, epsilon: float) -> Floats:
    found: Floats = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(epsilon)) * weight
    return found


@pytest.mark.parametrize("width", [1, 15, 64, 200])
def test_a_norm_divides_rows_by_their_root_mean_square(width: int) -> None:
    random = np.random.default_rng(width)
    weight, x = random.normal(size=width).astype(np.float32), op.parameter([-1, -1, width], ov.Type.f32)
    run = compiled([x], [operations.norm(kernels(), x, op.constant(weight), 1e-3)])
    for count in (0, 1, 5, 40):
        values = random.normal(size=(count, 2, width)).astype(np.float32)
        np.testing.assert_allclose(run([values])[0], normed(values, weight, 1e-3), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_a_product_of_a_norm_norms_its_rows_by_itself_and_adds_what_comes_behind(
    rows: int, width: int, bits: int
) -> None:
    weights = held(bits, rows, width).matrix
    weight = np.random.default_rng(rows).normal(size=width).astype(np.float32)
    x, more = op.parameter([-1, width], ov.Type.f32), op.parameter([-1, rows], ov.Type.f32)
    norm = operations.norm(kernels(), x, op.constant(weight), 1e-3)
    whole = operations.added(kernels(), more, operations.product(kernels(), norm, weights))
    assert "TileNorm" not in {node.get_type_name() for node in ov.Model([op.result(whole)], [x, more], "one").get_ops()}
    fused = compiled([x, more], [norm, whole])
    plain = product_of(weights, width)
    for count in (1, 9, 40):
        random = np.random.default_rng(count)
        values, behind = (random.normal(size=(count, size)).astype(np.float32) for size in (width, rows))
        found = fused([values, behind])
        assert np.array_equal(found[1], behind + plain([found[0]])[0])


def test_a_row_of_zeros_gives_zeros_and_no_rows_give_none() -> None:
    run = product_of(operations.matrix(*coded(40, 70)), 70)
    assert not run([np.zeros((3, 70), np.float32)])[0].any()
    assert run([np.zeros((0, 70), np.float32)])[0].shape == (0, 40)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_row_with_what_is_no_number_gives_none_and_others_are_as_they_are(bits: int, wrong: float) -> None:
    run = product_of(held(bits, 40, 70).matrix, 70)
    x = np.random.default_rng(0).normal(size=(9, 70)).astype(np.float32)
    whole = run([x])[0].copy()
    x[4, 3] = wrong
    found = run([x])[0]
    assert np.isnan(found[4]).all()
    assert np.array_equal(np.delete(found, 4, axis=0), np.delete(whole, 4, axis=0))


BENDS = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu_tanh": lambda x: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
}


@pytest.mark.parametrize(("rows", "width"), SHAPES)
@pytest.mark.parametrize("bend", ["silu", "gelu_tanh", "gelu"])
def test_a_gated_product_is_one_product_bent_times_another(bend: Bend, rows: int, width: int) -> None:
    gate, other = coded(rows, width), coded(rows, width, seed=1)
    x = op.parameter([-1, width], ov.Type.f32)
    run = compiled([x], [operations.gated_product(kernels(), x, operations.gated_matrix(gate, other), bend)])
    values = np.random.default_rng(rows).normal(size=(9, width)).astype(np.float32)
    wanted = BENDS[bend](expected(values, *gate)) * expected(values, *other)
    np.testing.assert_allclose(run([values])[0], wanted, rtol=2e-5, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_a_gated_product_with_4_bits_is_made_of_two_with_4_bits(rows: int, width: int) -> None:
    gate, other = (codes * scales for codes, scales in (coded(rows, width), coded(rows, width, seed=1)))
    x = op.parameter([-1, width], ov.Type.f32)
    nodes = [
        operations.product(kernels(), x, operations.matrix4(reading(values), rows, width)) for values in (gate, other)
    ]
    nodes.append(
        operations.gated_product(
            kernels(), x, operations.gated_matrix4(reading(gate), reading(other), rows, width), "silu"
        )
    )
    run = compiled([x], nodes)
    for count in (1, 9, 17, 33, 70):
        found = run([np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)])
        wanted = BENDS["silu"](found[0]) * found[1]
        np.testing.assert_allclose(found[2], wanted, rtol=2e-5, atol=1e-6 * np.abs(wanted).max())


def test_large_numbers_bend_as_they_should() -> None:
    codes, scales = np.full((16, 16), 127, np.int8), np.ones((16, 1), np.float32)
    x = op.parameter([-1, 16], ov.Type.f32)
    weights = operations.gated_matrix((codes, scales), (codes, scales))
    values = np.array([[1e3] * 16, [-1e3] * 16], np.float32)
    for bend in BENDS:
        found = compiled([x], [operations.gated_product(kernels(), x, weights, bend)])([values])[0]  # type: ignore[arg-type]
        assert found[0, 0] == pytest.approx((16 * 127 * 1e3) ** 2, rel=1e-4)
        assert abs(found[1, 0]) < 1e-6
        vast = np.array([[-1e33] * 16], np.float32)
        assert compiled([x], [operations.gated_product(kernels(), x, weights, bend)])([vast])[0][0, 0] == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_rows_are_those_of_the_matrix(rows: int, width: int) -> None:
    codes, scales = coded(rows, width)
    ids = op.parameter([-1, -1], ov.Type.i32)
    run = compiled([ids], [operations.rows(kernels(), ids, operations.matrix(codes, scales))])
    asked = np.random.default_rng(0).integers(0, rows, (2, 3)).astype(np.int32)
    assert np.array_equal(run([asked])[0], (codes * scales)[asked])


def test_a_row_that_is_not_there_is_an_error_and_nothing_is_read() -> None:
    ids = op.parameter([-1], ov.Type.i32)
    run = compiled([ids], [operations.rows(kernels(), ids, operations.matrix(*coded(40, 70)))])
    for wrong in (-1, 64):
        with pytest.raises(RuntimeError):
            run([np.array([wrong], np.int32)])


@pytest.mark.parametrize("cap", [0.0, 30.0])
@pytest.mark.parametrize("part", [0, 32, 48])
def test_what_is_no_number_reaches_what_reads_it_and_no_other_text(cap: float, part: int) -> None:
    heads = TurnedHeads(
        query_heads=2, kv_heads=1, dim=16, scale=0.25, cap=cap, window=0, turned=0, epsilon=0.0, norm="none"
    )
    rows = op.parameter([-1, 1, 4 * 16], ov.Type.f32)
    caches = [op.parameter([-1, 1, 32, 20], ov.Type.u8) for _ in range(2)]
    sequences = [op.parameter([-1], ov.Type.i32) for _ in range(4)]
    angles = [op.constant(np.zeros(1, np.float32))] * 2
    found = operations.attention(kernels(), [rows, *angles, *caches, *sequences], heads)
    run = compiled([rows, *caches, *sequences], [found])

    def attended(x: Floats) -> Floats:
        """Of two texts, of 200 and of 5 tokens."""
        kept = [np.full((9, 1, 32, 20), 7, np.uint8) for _ in range(2)]
        tables = [np.array(each, np.int32) for each in ([0, 0], [0, 200, 205], range(1, 9), [0, 7, 8])]
        out: Floats = run([x, *kept, *tables])[0].reshape(205, 2, 16)
        return out.copy()

    x = np.random.default_rng(0).normal(size=(205, 1, 64)).astype(np.float32)
    whole = attended(x)
    assert np.isfinite(whole).all()
    x[150, 0, part] = np.nan  # a query's, the key's or the value's
    spoilt = attended(x)
    reached = slice(150, 151) if part == 0 else slice(150, 200)
    assert np.isnan(spoilt[reached, 0]).all()
    assert np.array_equal(np.delete(spoilt, reached, axis=0), np.delete(whole, reached, axis=0))


MATRIX_FAULTS: dict[str, Mapping[str, Any]] = {
    "more rows than there are": {"rows": 5000},
    "no rows": {"rows": 0},
    "fewer bits than the codes are of": {"bits": 4},
    "bits that no kernel knows": {"bits": 5},
    "more scales than rows": {"scales": np.ones(96, np.float32)},
    "codes that are cut off": {"codes": np.ones(2048, np.uint8)},
    "codes that are numbers": {"codes": np.ones(8192, np.float32)},
}


@pytest.mark.parametrize("fault", MATRIX_FAULTS)
def test_a_matrix_that_is_not_of_the_size_that_is_told_makes_no_product(fault: str) -> None:
    told = {
        name: op.constant(each) if isinstance(each, np.ndarray) else each for name, each in MATRIX_FAULTS[fault].items()
    }
    x, weights = op.parameter([-1, 100], ov.Type.f32), operations.matrix(*coded(64, 100))
    operations.product(kernels(), x, weights)
    with pytest.raises(RuntimeError):
        operations.product(kernels(), x, msgspec.structs.replace(weights, **told))


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("wrong", [65, 100, 200])
def test_rows_that_are_not_as_wide_as_the_matrix_make_no_product(wrong: int, bits: int) -> None:
    weights = held(bits, 32, 64).matrix
    with pytest.raises(RuntimeError):
        operations.product(kernels(), op.parameter([-1, wrong], ov.Type.f32), weights)


@pytest.mark.parametrize("bits", [8, 4])
def test_rows_that_turn_out_to_have_another_width_are_an_error_and_nothing_is_read(bits: int) -> None:
    x = op.parameter([-1, -1], ov.Type.f32)
    run = compiled([x], [operations.product(kernels(), x, held(bits, 32, 100).matrix)])
    assert run([np.ones((3, 100), np.float32)])[0].shape == (3, 32)
    for wrong in (64, 129, 0):
        with pytest.raises(RuntimeError):
            run([np.ones((3, wrong), np.float32)])


def test_norms_have_a_weight_for_each_number_of_a_row() -> None:
    x, weight = op.parameter([-1, 100], ov.Type.f32), op.constant(np.ones(99, np.float32))
    with pytest.raises(RuntimeError):
        operations.norm(kernels(), x, weight, 1e-3)
    free = op.parameter([-1, -1], ov.Type.f32)
    run = compiled([free], [operations.norm(kernels(), free, weight, 1e-3)])
    with pytest.raises(RuntimeError):
        run([np.ones((2, 100), np.float32)])


def test_a_product_is_added_to_what_is_of_its_shape() -> None:
    x, behind = op.parameter([-1, 64], ov.Type.f32), op.parameter([-1, 31], ov.Type.f32)
    found = operations.product(kernels(), x, operations.matrix(*coded(32, 64)))
    with pytest.raises(RuntimeError):
        operations.added(kernels(), behind, found)


@pytest.mark.parametrize("fault", [{"width": 65}, {"width": 0}, {"scales": op.constant(np.ones(64, np.float32))}])
def test_rows_are_of_a_matrix_of_the_size_that_is_told(fault: Mapping[str, Any]) -> None:
    weights, ids = operations.matrix(*coded(32, 64)), op.parameter([-1], ov.Type.i32)
    with pytest.raises(RuntimeError):
        operations.rows(kernels(), ids, msgspec.structs.replace(weights, **fault))


HEADS = TurnedHeads(4, 2, dim=32, scale=1.0, cap=0.0, window=0, turned=32, epsilon=1e-6, norm="heads")
FLOATS, WHOLE, BYTES = ov.Type.f32, ov.Type.i32, ov.Type.u8
ATTENTION_INPUTS: dict[str, Any] = {
    "rows": ([-1, 1, 256], FLOATS),
    "cos": ([-1, 1, 16], FLOATS),
    "sin": ([-1, 1, 16], FLOATS),
    "keys": ([-1, 2, 32, 36], BYTES),
    "values": ([-1, 2, 32, 36], BYTES),
    **dict.fromkeys(("past_lens", "begins", "blocks", "block_begins"), ([-1], WHOLE)),
    "query_norm": ([32], FLOATS),
    "key_norm": ([32], FLOATS),
}


def attention_node(heads: TurnedHeads, changed: Mapping[str, Any]) -> Any:
    inputs = [op.parameter(*each) for each in {**ATTENTION_INPUTS, **changed}.values()]
    return operations.attention(kernels(), inputs, heads)


@pytest.mark.parametrize(
    "fault",
    [
        {"dim": 24},
        {"dim": 0},
        {"dim": 272},
        {"query_heads": 3},
        {"kv_heads": 0},
        {"turned": 34},
        {"window": -1},
        {"norm": "none"},
        {"norm": "joint"},
    ],
)
def test_heads_that_the_kernel_does_not_compute_make_no_attention(fault: Mapping[str, Any]) -> None:
    attention_node(HEADS, {})
    heads = msgspec.structs.replace(HEADS, **fault)
    rows = (heads.query_heads + 2 * heads.kv_heads) * heads.dim
    cache = ([-1, heads.kv_heads, 32, heads.dim + 4], BYTES)
    with pytest.raises(RuntimeError):
        attention_node(heads, {"rows": ([-1, 1, rows], FLOATS), "keys": cache, "values": cache})


@pytest.mark.parametrize(
    "fault",
    [
        {"rows": ([-1, 1, 240], FLOATS)},
        {"cos": ([-1, 1, 8], FLOATS)},
        {"keys": ([-1, 1, 32, 36], BYTES)},
        {"values": ([-1, 2, 16, 36], BYTES)},
        {"values": ([-1, 2, 32, 36], FLOATS)},
        {"blocks": ([-1], ov.Type.i64)},
        {"key_norm": ([16], FLOATS)},
    ],
)
def test_attention_takes_what_is_of_the_heads_it_is_told(fault: Mapping[str, Any]) -> None:
    with pytest.raises(RuntimeError):
        attention_node(HEADS, fault)


@pytest.mark.parametrize("width", [384, 40, 1])
def test_a_layer_norm_is_that_of_float64(width: int) -> None:
    random = np.random.default_rng(width)
    weight, bias = (random.normal(size=width).astype(np.float32) for _ in range(2))
    x = op.parameter([-1, width], ov.Type.f32)
    run = compiled([x], [operations.layer_norm(kernels(), x, op.constant(weight), op.constant(bias), 1e-5)])
    given = (random.normal(size=(50, width)) * 3 + 7).astype(np.float32)
    off = given - given.mean(axis=1, keepdims=True, dtype=np.float64)
    wanted = off / np.sqrt((off**2).mean(axis=1, keepdims=True) + 1e-5) * weight + bias
    np.testing.assert_allclose(run([given])[0], wanted, rtol=2e-5, atol=2e-5)

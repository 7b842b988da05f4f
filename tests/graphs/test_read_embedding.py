"""Tables of words, places and types are what a graph gives for all ids, and for texts of every length."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64, parameter
from headrace.graphs.read_embedding import Embedding, embedding
from headrace.graphs.values import Foreign, Graph
from tests.graphs.tiny import draw

WORDS, PLACES, TYPES = (draw(name, (rows, 4), 1).dense() for name, rows in (("w", 9), ("p", 6), ("t", 2)))
TABLE = f32(PLACES)


def words(ids: Node) -> Node:
    return op.gather(f32(WORDS), ids, i64(0))


def tokens(ids: Node) -> Node:
    """How many each text has, [1]."""
    return op.gather(op.shape_of(ids), i64([1]), i64(0))


def sliced(ids: Node, first: int = 0) -> Node:
    return op.slice(TABLE, i64([first]), op.add(tokens(ids), i64([first])), i64([1]), i64([0]))


def counted(ids: Node, first: int = 0) -> Node:
    end = op.squeeze(op.add(tokens(ids), i64([first])), i64(0))
    return op.gather(TABLE, op.range(i64(first), end, i64(1), "i64"), i64(0))


def read(block: Callable[[Node, Node], Node]) -> Embedding:
    ids, types = (parameter(name, [-1, -1]) for name in ("input_ids", "token_type_ids"))
    end = block(ids, types)
    return embedding(Graph(ov.Model([op.result(end)], [ids, types], "part")), end.output(0))


@pytest.mark.parametrize("places", [sliced, counted])
def test_tables_are_found(places: Callable[[Node], Node]) -> None:
    found = read(lambda ids, types: op.add(op.add(words(ids), op.gather(f32(TYPES), types, i64(0))), places(ids)))
    assert np.array_equal(found.words.dense(), WORDS)
    assert np.array_equal(found.places, PLACES)
    assert found.types is not None
    assert np.array_equal(found.types, TYPES)


def test_a_constant_row_is_in_the_places() -> None:
    found = read(lambda ids, types: op.add(op.add(words(ids), f32(TYPES[0])), sliced(ids)))
    assert np.array_equal(found.places, PLACES + TYPES[0])
    assert found.types is None


def test_codes_of_words_become_the_numbers_that_they_stand_for() -> None:
    codes = np.arange(36, dtype=np.uint8).reshape(9, 4)

    def block(ids: Node, types: Node) -> Node:
        rows = op.convert(op.gather(op.constant(codes), op.convert(ids, "i32"), i64(0)), "f32")
        return op.add(op.multiply(op.subtract(rows, f32(7)), f32(0.5)), sliced(ids))

    found = read(block).words
    assert np.array_equal(found.dense(), (codes.astype(np.float32) - 7) / 2)
    assert found.kind == "I8"


@pytest.mark.parametrize(
    "block",
    [
        lambda ids, types: words(ids),
        lambda ids, types: op.add(words(ids), f32(TYPES[0])),
        lambda ids, types: op.add(words(ids), sliced(ids, 1)),
        lambda ids, types: op.add(words(ids), counted(ids, 2)),
        lambda ids, types: op.add(words(ids), op.gather(TABLE, op.cum_sum(op.minimum(ids, i64(1)), i64(1)), i64(0))),
        lambda ids, types: op.add(words(op.add(ids, op.reduce_max(ids, i64([1]), True))), sliced(ids)),
        lambda ids, types: op.add(op.add(words(ids), words(ids)), sliced(ids)),
        lambda ids, types: op.add(words(op.add(ids, types)), sliced(ids)),
        lambda ids, types: op.add(op.reduce_mean(words(ids), i64([1]), True), sliced(ids)),
        lambda ids, types: op.add(words(ids), op.reverse_sequence(sliced_of_text(ids), i64([3]), 0, 1)),
    ],
    ids=[
        "no_places",
        "one_row",
        "later_slice",
        "later_row",
        "of_ids",
        "of_others",
        "twice",
        "of_types",
        "mean",
        "turned",
    ],
)
def test_what_is_of_other_tokens_or_places_is_refused(block: Callable[[Node, Node], Node]) -> None:
    with pytest.raises(Foreign):
        read(block)


def sliced_of_text(ids: Node) -> Node:
    return op.unsqueeze(sliced(ids), i64(0))

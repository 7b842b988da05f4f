"""What tokens are before the first layer, in a graph that was read: tables of words, of places and of types."""

from typing import NamedTuple

import numpy as np
import openvino as ov

from headrace.graphs.read_linear import Held, terms
from headrace.graphs.read_rounding import Floats
from headrace.graphs.values import EXAMPLES, SIZES, Foreign, Graph, Sizes, key, kind, source

OF_EACH_TOKEN = {"Add", "Convert", "Gather", "Multiply", "Parameter", "Subtract"}
"""Operations that do to each token of some ids the same, whatever stands beside it."""


class Embedding(NamedTuple):
    """Tables whose rows are summed: of the token, of its place, and of its type where there is one."""

    words: Held
    places: Floats
    types: Floats | None


def embedding(graph: Graph, output: ov.Output) -> Embedding:
    """Of a sum [batch, tokens, hidden]. Raises Foreign where it is another one."""
    shapes = [graph.shape(output, each) for each in EXAMPLES]
    hidden = shapes[0][-1]
    if shapes != [(*each, hidden) for each in EXAMPLES]:
        raise Foreign(f"{output.get_node().get_friendly_name()} is not of tokens")
    words, types, places = [], [], []
    for term in terms(graph, output):
        reads = graph.reads(term)
        if reads == {"input_ids"}:
            words.append(_table(graph, term, "input_ids", hidden))
        elif reads == {"token_type_ids"}:
            types.append(_table(graph, term, "token_type_ids", hidden).values)
        elif reads <= {SIZES}:
            places.append(term)
        else:
            raise Foreign(f"{term.get_node().get_friendly_name()} reads {sorted(reads)}")
    if len(words) != 1 or len(types) > 1:
        raise Foreign(f"{output.get_node().get_friendly_name()} has {len(words)} tables of words")
    return Embedding(words[0], _places(graph, places, hidden), types[0] if types else None)


def _table(graph: Graph, output: ov.Output, name: str, hidden: int) -> Held:
    """The rows that ids are looked up in, as they come out: made floats, scaled."""
    above = list(graph.above(output))
    tables = [source(each) for each in above if kind(each) == "Gather" and not graph.reads(source(each))]
    if not tables or any(graph.reads(each) and kind(each) not in OF_EACH_TOKEN for each in above):
        raise Foreign(f"{output.get_node().get_friendly_name()} is not looked up")
    port = graph.inputs[name]
    ids, dtype = key(port), port.get_element_type().to_dtype()
    rows = min(graph.shape(each, EXAMPLES[0])[0] for each in tables)
    found = graph.value(output, {ids: np.arange(rows, dtype=dtype)[None]})
    if found.shape != (1, rows, hidden) or not np.isfinite(found).all():
        raise Foreign(f"{output.get_node().get_friendly_name()} is a table of shape {found.shape}")
    for sizes in EXAMPLES:
        some = np.random.default_rng(0).integers(0, rows, sizes).astype(dtype)
        if not np.array_equal(graph.value(output, {ids: some}), found[0][some]):
            raise Foreign(f"{output.get_node().get_friendly_name()} depends on other tokens")
    coded = any(each.get_element_type().get_type_name() in ("i8", "u8") for each in above if kind(each) == "Constant")
    return Held(found[0].astype(np.float32), "I8" if coded else "F32")


def _places(graph: Graph, parts: list[ov.Output], hidden: int) -> Floats:
    """Row n: what is added to the n-th token of every text, as far as a table of the graph reaches."""
    if not any(graph.reads(each) for each in parts):
        raise Foreign("there are no positions")
    longest = max((_rows(graph, each, hidden) for each in parts), default=0)
    if longest < max(tokens for _, tokens in EXAMPLES):
        raise Foreign("there is no table of positions")
    for each in parts:
        _check_rows(graph, each, (1, longest))
    whole = _summed(graph, parts, (1, longest, hidden))[0]
    for sizes in EXAMPLES:
        found = _summed(graph, parts, (*sizes, hidden))
        if not np.array_equal(found, np.broadcast_to(whole[: sizes[1]], found.shape)):
            raise Foreign("positions are not those of a table from its first row on")
    if not np.isfinite(whole).all():
        raise Foreign("positions are not finite")
    return np.array(whole, np.float32)


def _rows(graph: Graph, output: ov.Output, hidden: int) -> int:
    """Of the longest table of constants above."""
    shapes = [graph.shape(each, EXAMPLES[0]) for each in graph.above(output) if not graph.reads(each)]
    return max((shape[-2] for shape in shapes if len(shape) > 1 and shape[-1] == hidden), default=0)


def _check_rows(graph: Graph, output: ov.Output, sizes: Sizes) -> None:
    """Raises Foreign where rows are looked up that a table does not have, which would be found to be 0."""
    for each in graph.above(output):
        if kind(each) == "Gather" and not graph.reads(source(each)) and graph.reads(source(each, 1)):
            rows, axis = graph.value(source(each, 1), {}, sizes), int(graph.constant(source(each, 2)).reshape(-1)[0])
            if rows.min() < 0 or rows.max() >= graph.shape(source(each), sizes)[axis]:
                raise Foreign(f"{each.get_node().get_friendly_name()} looks up more rows than there are")


def _summed(graph: Graph, parts: list[ov.Output], shape: tuple[int, int, int]) -> Floats:
    found: Floats = np.zeros(shape, np.float32)
    for each in parts:
        value = graph.value(each, {}, shape[:2])
        try:
            found += np.broadcast_to(value, shape).astype(np.float32)
        except ValueError as fault:
            raise Foreign(f"{each.get_node().get_friendly_name()} is of shape {value.shape}") from fault
    return found

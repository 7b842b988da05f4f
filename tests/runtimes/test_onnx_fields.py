"""The fields of a message are found where they lie, and what is no message is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.runtimes.onnx_fields import GRAPH, NODE, Field, fields, mapped, within
from tests.models import onnx_models as models


@contextmanager
def lying(content: bytes, folder: Path) -> Iterator[mmap]:
    path = folder / "message"
    path.write_bytes(content)
    with mapped(path) as found:
        yield found


def test_each_kind_of_field_is_found(tmp_path: Path) -> None:
    content = bytes([0x08, 0x96, 0x01, 0x11, *range(8), 0x1A, 2, 65, 66, 0x25, *range(4)])
    with lying(content, tmp_path) as found:
        assert list(fields(found, 0, len(found))) == [
            Field(1, 150, 3, 3),
            Field(2, 0, 4, 12),
            Field(3, 0, 14, 16),
            Field(4, 0, 17, 21),
        ]


def test_a_models_nodes_are_found(tmp_path: Path) -> None:
    model = models.two_outputs()
    with lying(model.SerializeToString(), tmp_path) as found:
        (graph,) = within(found, 0, len(found), GRAPH)
        nodes = [found[each.begin : each.end] for each in within(found, graph.begin, graph.end, NODE)]
    assert nodes == [node.SerializeToString() for node in model.graph.node]


@given(content=st.binary(min_size=1, max_size=40))
def test_other_bytes_end_in_an_error_or_in_fields_that_lie_within(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with lying(content, tmp_path_factory.getbasetemp()) as found:
        try:
            assert all(each.end <= len(content) for each in fields(found, 0, len(found)))
        except (ValueError, IndexError):
            pass

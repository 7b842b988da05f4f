"""Graphs are built once, read afterwards, and never fail for want of a folder."""

from pathlib import Path

import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.graphs.nodes import f32, named_result, parameter
from headrace.runtimes.openvino_cache import GraphCache, graph_key, too_many

CORE = ov.Core()


def _graph() -> ov.Model:
    x = parameter("x", [-1], ov.Type.f32)
    return ov.Model([named_result("y", op.add(x, f32([1.5] * 64)))], [x], "graph")


def _never() -> ov.Model:
    raise AssertionError("it is kept already")


def test_a_graph_is_built_once(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    GraphCache(folder).model(CORE, "a", _graph)
    found = GraphCache(folder).model(CORE, "a", _never)
    assert [port.any_name for port in found.inputs] == ["x"]
    assert sorted(path.name for path in folder.iterdir()) == ["graph-a.bin", "graph-a.xml"]


def test_a_damaged_graph_is_built_again(tmp_path: Path) -> None:
    (tmp_path / "graph-a.xml").write_text("<net")
    GraphCache(tmp_path).model(CORE, "a", _graph)
    GraphCache(tmp_path).model(CORE, "a", _never)


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    GraphCache(None).model(CORE, "a", _graph)
    (tmp_path / "file").write_text("")
    assert GraphCache(tmp_path / "file" / "below").model(CORE, "a", _graph).inputs


def test_what_building_raises_is_raised(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        GraphCache(tmp_path).model(CORE, "a", _never)


def test_graphs_over_the_limit_go_but_never_the_newest(tmp_path: Path) -> None:
    for key in ("a", "b"):
        GraphCache(tmp_path, most_bytes=1).model(CORE, key, _graph)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph-b.bin", "graph-b.xml"]


def test_those_used_last_stay() -> None:
    a, b, c = Path("a"), Path("b"), Path("c")
    assert too_many([(a, 1.0, 10), (b, 3.0, 10), (c, 2.0, 10)], 25) == [a]
    assert too_many([(a, 1.0, 10)], 10) == []


def test_a_key_is_of_what_the_graph_is_made_of() -> None:
    assert graph_key(["a", 1]) == graph_key(["a", 1]) != graph_key(["a", 2])

"""Graphs are built once, read afterwards, and never fail for want of a folder."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest
from numpy.typing import NDArray

from headrace.graphs.linear import Form, Precision, linear
from headrace.graphs.nodes import f32, named_result, parameter
from headrace.kernels import library
from headrace.runtimes.openvino_cache import (
    GraphCache,
    compile_graph,
    divide,
    graph_key,
    in_idle_time,
    know,
    too_many,
)
from tests.graphs.tiny import golden_checkpoint
from tests.tiles import kernels

OPTIONS = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
FORMS: tuple[Form, ...] = ("f32", "bf16", "int8", "int4")


def _graph() -> ov.Model:
    x = parameter("x", [-1, 64], ov.Type.f32)
    weights = np.arange(4096, dtype=np.float32).reshape(64, 64) % 7
    product = op.matmul(x, op.constant(weights), False, True)
    return ov.Model([named_result("y", op.relu(op.add(product, f32([1.5] * 64))))], [x], "graph")


def _never() -> ov.Model:
    raise AssertionError("it is kept already")


def _answer(compiled: ov.CompiledModel) -> NDArray[np.float32]:
    return np.array(compiled([np.linspace(-1, 1, 128, dtype=np.float32).reshape(2, 64)])[0])


def _forms(compiled: ov.CompiledModel) -> list[str]:
    """Of the constants, the types of their numbers."""
    ops = compiled.get_runtime_model().get_ops()
    return sorted(
        str(op.get_output_element_type(0)) for op in ops if str(op.get_rt_info()["layerType"].value) == "Const"
    )


def test_a_graph_is_built_once_and_computes_the_same_when_it_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    first = GraphCache(folder).compiled("a", OPTIONS, _graph)
    assert GraphCache(folder).holds("a")
    assert not GraphCache(folder).holds("b")
    found = GraphCache(folder).compiled("a", OPTIONS, _never)
    assert [port.any_name for port in (*found.inputs, *found.outputs)] == ["x", "y"]
    assert np.array_equal(_answer(found), _answer(first))
    assert sorted(path.name for path in folder.iterdir()) == ["graph-a.bin", "graph-a.xml"]


@pytest.mark.parametrize("form", FORMS)
def test_weights_keep_their_form_when_they_are_read(form: Form, tmp_path: Path) -> None:
    def build() -> ov.Model:
        x = parameter("x", [-1, 64], ov.Type.f32)
        product = linear(x, [golden_checkpoint("llama").weights["layers.0.q"]], Precision(form))
        return ov.Model([named_result("y", product)], [x], "graph")

    first = GraphCache(tmp_path).compiled("a", OPTIONS, build)
    found = GraphCache(tmp_path).compiled("a", OPTIONS, _never)
    assert _forms(found) == _forms(first)
    assert np.array_equal(_answer(found), _answer(first))


def test_a_graph_with_kernels_of_ours_is_read_with_the_constants_that_are_there_already(tmp_path: Path) -> None:
    know(kernels())

    def build() -> ov.Model:
        x = parameter("x", [-1, 64], ov.Type.f32)
        precision = Precision("tiles8", library=kernels())
        product = linear(x, [golden_checkpoint("llama").weights["layers.0.q"]], precision)
        return ov.Model([named_result("y", op.add(product, f32([1.5])))], [x], "graph")

    def places(graph: ov.Model) -> set[int]:
        return {node.data.ctypes.data for node in graph.get_ops() if node.get_type_name() == "Constant"}

    for _ in ("built", "read"):
        graphs = GraphCache(tmp_path)
        first = graphs.compiled("a", OPTIONS, build)
        one, two = graphs.read("a"), graphs.read("a")
        assert len(places(one)) > 1
        assert places(one) == places(two)
        del two
        assert np.array_equal(_answer(compile_graph(one, OPTIONS)), _answer(first))
    assert places(GraphCache(tmp_path).read("a")).isdisjoint(places(one))


def test_what_a_file_does_not_hold_is_completed_where_it_is_read_only(tmp_path: Path) -> None:
    completed: list[ov.Model] = []
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph, completed.append)
    assert not completed
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph, completed.append)
    assert len(completed) == 1


def test_a_damaged_graph_is_built_again(tmp_path: Path) -> None:
    (tmp_path / "graph-a.xml").write_text("<net")
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph)
    GraphCache(tmp_path).compiled("a", OPTIONS, _never)


def test_weights_that_were_cut_off_are_built_again(tmp_path: Path) -> None:
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph)
    os.truncate(tmp_path / "graph-a.bin", 100)
    expected = _answer(GraphCache(None).compiled("a", OPTIONS, _graph))
    assert np.array_equal(_answer(GraphCache(tmp_path).compiled("a", OPTIONS, _graph)), expected)


@pytest.mark.parametrize("name", ["graph-a.xml", "graph-a.bin"])
@pytest.mark.parametrize("mode", [0o602, 0o620])
def test_what_others_may_have_written_is_not_read_but_built_and_written_anew(
    name: str, mode: int, tmp_path: Path
) -> None:
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph)
    (tmp_path / name).chmod(mode)
    assert not GraphCache(tmp_path).holds("a")
    with pytest.raises(RuntimeError):
        GraphCache(tmp_path).read("a")
    with pytest.raises(AssertionError):
        GraphCache(tmp_path).compiled("a", OPTIONS, _never)
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph)
    GraphCache(tmp_path).compiled("a", OPTIONS, _never)


def test_what_another_user_wrote_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph)
    other = os.geteuid() + 1
    monkeypatch.setattr(library, "ROOT", other)
    monkeypatch.setattr(os, "geteuid", lambda: other)
    monkeypatch.setattr(library, "SOURCE", _of_user(other))
    assert not GraphCache(tmp_path).holds("a")


def _of_user(number: int) -> SimpleNamespace:
    """What is a user's, as far as it is asked."""
    return SimpleNamespace(stat=lambda: SimpleNamespace(st_uid=number))


def test_a_graph_is_read_again_where_files_are_a_groups_by_default(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        GraphCache(tmp_path).compiled("a", OPTIONS, _graph)
    finally:
        os.umask(before)
    GraphCache(tmp_path).compiled("a", OPTIONS, _never)


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    GraphCache(None).compiled("a", OPTIONS, _graph)
    (tmp_path / "file").write_text("")
    assert GraphCache(tmp_path / "file" / "below").compiled("a", OPTIONS, _graph).inputs


def test_an_export_of_another_form_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a.blob").write_bytes(b"something else")
    with pytest.raises(ValueError, match="another form"):
        divide(tmp_path / "a.blob", tmp_path / "a.xml")
    assert not (tmp_path / "a.xml").exists()


def test_what_building_raises_is_raised(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        GraphCache(tmp_path).compiled("a", OPTIONS, _never)


def test_graphs_over_the_limit_go_but_never_the_newest(tmp_path: Path) -> None:
    for key in ("a", "b"):
        GraphCache(tmp_path, most_bytes=1).compiled(key, OPTIONS, _graph)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph-b.bin", "graph-b.xml"]


def test_a_graph_may_be_written_after_it_is_used(tmp_path: Path) -> None:
    later: list[Callable[[], None]] = []
    first = GraphCache(tmp_path, beside=later.append).compiled("a", OPTIONS, _graph)
    assert not list(tmp_path.glob("graph-*"))
    answer = _answer(first)
    later.pop()()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph-a.bin", "graph-a.xml"]
    assert np.array_equal(_answer(GraphCache(tmp_path).compiled("a", OPTIONS, _never)), answer)


def test_a_graph_is_kept_in_idle_time() -> None:
    priorities: list[int] = []
    in_idle_time(lambda: priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))).join()
    assert priorities == [19]


def test_what_cannot_be_compiled_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        GraphCache(tmp_path).compiled("a", {"INFERENCE_NUM_THREADS": "many"}, _graph)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    for name, age_s in ((".graph-old", 7200), (".graph-new", 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    GraphCache(tmp_path).compiled("a", OPTIONS, _graph)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".graph-new", "graph-a.bin", "graph-a.xml"]


def test_those_used_last_stay() -> None:
    a, b, c = Path("a"), Path("b"), Path("c")
    assert too_many([(a, 1.0, 10), (b, 3.0, 10), (c, 2.0, 10)], 25) == [a]
    assert too_many([(a, 1.0, 10)], 10) == []


def test_a_key_is_of_what_the_graph_is_made_of() -> None:
    assert graph_key(["a", 1]) == graph_key(["a", 1]) != graph_key(["a", 2])

"""ONNX files are described, run and refused as they should be."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from headrace.errors import InputRefused, ModelInvalid, Unavailable
from headrace.runtimes import onnx as runtime
from headrace.runtimes.onnx import Onnx, OnnxModel, open_session, session_options
from headrace.runtimes.onnx_signed import FASTER, signed
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import FREE, TensorSpec
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest

WIRE = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"]


def load(model: onnx.ModelProto, folder: Path) -> LoadedModel:
    return Onnx().load(manifest(models.save(model, folder)), threads=1)


def refusal(path: Path) -> str:
    with pytest.raises(ModelInvalid) as caught:
        Onnx().load(manifest(path), threads=1)
    return str(caught.value)


def test_says_names_types_and_shapes(tmp_path: Path) -> None:
    model = load(models.identity("INT64", ("batch", None, 3)), tmp_path)
    assert model.inputs == (TensorSpec("INPUT", "INT64", (FREE, FREE, 3), symbols=("batch", "", "")),)
    assert model.platform == "onnxruntime_onnx"
    assert model.runtime.startswith("onnx 1.")


@pytest.mark.parametrize("datatype", WIRE)
def test_carries_every_datatype_of_numpy(datatype: str, tmp_path: Path) -> None:
    model = load(models.identity(datatype), tmp_path)
    given = np.arange(8).reshape(2, 4).astype(helper.tensor_dtype_to_np_dtype(models.DATATYPES[datatype]))
    given.flags.writeable = False
    found = model.run({"INPUT": given}, ())["OUTPUT"]
    assert found.dtype == given.dtype
    assert np.array_equal(found, given)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0)])
def test_carries_bf16_as_its_bits(shape: tuple[int, ...], tmp_path: Path) -> None:
    model = load(models.identity("BF16", ["d"] * len(shape)), tmp_path)
    bits = np.full(shape, 0x3FC0, np.uint16)
    found = model.run({"INPUT": bits}, ())["OUTPUT"]
    assert found.dtype == np.uint16
    assert found.shape == shape
    assert np.array_equal(found, bits)


def test_carries_text_as_bytes(tmp_path: Path) -> None:
    given = np.array([["é".encode(), b""], [b"a\0b", b"b'x'"]], dtype=object)
    found = load(models.identity("BYTES", (2, 2)), tmp_path).run({"INPUT": given}, ())["OUTPUT"]
    assert found.tolist() == given.tolist()


def test_several_threads_may_run_a_model_of_one_thread_at_once(tmp_path: Path) -> None:
    model = load(models.dense(64), tmp_path)
    (spec,) = model.inputs
    rows = [np.full((9, 64), number, np.float32) for number in range(32)]
    alone = [model.run({spec.name: row}, ()) for row in rows]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda row: model.run({spec.name: row}, ()), rows))
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(alone, together, strict=True) for name in a)


def test_refuses_strings_that_are_not_utf8(tmp_path: Path) -> None:
    model = load(models.identity("BYTES", ("n",)), tmp_path)
    with pytest.raises(InputRefused, match=r"INPUT: element 1 is not UTF-8 \(byte 0xff at 2\)"):
        model.run({"INPUT": np.array([b"ok", b"no\xff"], dtype=object)}, ())


def test_runs_scalars(tmp_path: Path) -> None:
    model = load(models.scalar(), tmp_path)
    assert model.inputs[0].shape == ()
    assert model.run({"INPUT": np.array(2, np.float32)}, ())["OUTPUT"] == np.float32(4)


def test_runs_dimensions_of_no_size(tmp_path: Path) -> None:
    found = load(models.identity(), tmp_path).run({"INPUT": np.zeros((0, 4), np.float32)}, ())
    assert found["OUTPUT"].shape == (0, 4)


def test_an_input_with_a_value_of_its_own_may_be_left_out(tmp_path: Path) -> None:
    model = load(models.optional_input(), tmp_path)
    assert [(spec.name, spec.optional) for spec in model.inputs] == [("INPUT", False), ("BIAS", True)]
    rows = np.zeros((1, 4), np.float32)
    assert model.run({"INPUT": rows}, ())["OUTPUT"].tolist() == [[1, 1, 1, 1]]
    assert model.run({"INPUT": rows, "BIAS": rows[0]}, ())["OUTPUT"].tolist() == [[0, 0, 0, 0]]


def test_computes_only_the_outputs_asked_for(tmp_path: Path) -> None:
    model = load(models.two_outputs(), tmp_path)
    assert set(model.run({"INPUT": np.ones((1, 4), np.float32)}, ("CLASS",))) == {"CLASS"}


def test_the_first_run_shows_the_rank_that_the_file_does_not_say(tmp_path: Path) -> None:
    model = load(models.hog(), tmp_path)
    assert not model.outputs[0].shape
    model.run({"SHAPE": np.array([2, 3])}, ())
    assert model.outputs[0].shape == (FREE, FREE)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"INPUT": np.zeros((1, 5), np.float32)}, "Got invalid dimensions for input: INPUT .* Got: 5 Expected: 4$"),
        ({}, "INPUT"),
    ],
)
def test_refuses_inputs_with_the_reason(given: Arrays, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=says):
        load(models.identity(), tmp_path).run(given, ())


def test_says_which_node_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"^Gather node: indices element out of data bounds, idx=7"):
        load(models.looked_up(), tmp_path).run({"IDS": np.array([[7]])}, ())


def test_want_of_memory_is_no_fault_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="not enough memory"):
        load(models.hog(), tmp_path).run({"SHAPE": np.array([1 << 20, 1 << 24])}, ())


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    assert refusal(tmp_path / "model.onnx") == (
        "model.onnx: the file has no ONNX graph in it: it is empty or something else"
    )


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_truncated_file_is_refused(kept: float, tmp_path: Path) -> None:
    path = models.save(models.dense(64), tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert "cut short or something else" in refusal(path)


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("hello world, not onnx")
    assert "cut short or something else" in refusal(tmp_path / "model.onnx")


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    path = models.save(models.one_node("Nope"), tmp_path)
    assert refusal(path).endswith("No Op registered for Nope with domain_version of 17")


def test_an_unknown_domain_is_named(tmp_path: Path) -> None:
    path = models.save(models.one_node("Foo", domain="my.ops"), tmp_path)
    assert refusal(path) == (
        "model.onnx: my.ops:Foo(-1) is not a registered function/op; "
        "libraries of custom operators are not loaded: export the model without it"
    )


def test_a_type_that_cannot_be_carried_is_named(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("OUTPUT", TensorProto.FLOAT, None)
    model = models.graph(
        [models.node("SequenceConstruct", "INPUT", "OUTPUT")], [models.value("INPUT", "FP32", (1,))], [sequence]
    )
    assert refusal(models.save(model, tmp_path)) == (
        "output 'OUTPUT' is of type seq(tensor(float)), which no protocol datatype can carry; "
        "have the graph end in ConcatFromSequence, or in a SequenceAt for each of its tensors"
    )


@pytest.mark.parametrize(
    ("key", "labels", "told", "row"),
    [
        (TensorProto.INT64, {"classlabels_int64s": [10, 9, -1]}, ("-1", "9", "10"), [3, 2, 1]),
        (TensorProto.STRING, {"classlabels_strings": ["dog", "cat", "ä"]}, ("cat", "dog", "ä"), [2, 1, 3]),
    ],
)
def test_the_dictionaries_of_scikit_learns_classifiers_are_a_column_for_each_class(
    key: int, labels: dict[str, list[int] | list[str]], told: tuple[str, ...], row: list[float], tmp_path: Path
) -> None:
    model = load(models.classifier(key, labels), tmp_path)
    assert model.outputs == (TensorSpec("OUTPUT", "FP32", (FREE, 3), labels=told),)
    found = model.run({"INPUT": np.array([[1, 2, 3], [4, 5, 6]], np.float32)}, ())
    assert found["OUTPUT"].tolist() == [row, [each + 3 for each in row]]


def test_where_the_file_does_not_say_the_classes_a_run_does(tmp_path: Path) -> None:
    path = models.save(models.classifier(TensorProto.INT64, {"classlabels_int64s": [2, 1, 3]}), tmp_path)
    model = OnnxModel(open_session(path, session_options(1, "run")), tmp_path / "as bytes that are no ONNX.ort")
    assert model.outputs == (TensorSpec("OUTPUT", "FP32", (FREE, FREE)),)
    model.run({"INPUT": np.zeros((1, 3), np.float32)}, ())
    assert model.outputs == (TensorSpec("OUTPUT", "FP32", (FREE, 3), labels=("1", "2", "3")),)


def test_data_beside_the_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(np.ones(4, np.float32).tobytes())
    (tmp_path / "model.onnx").write_bytes(models.external("weights.bin").SerializeToString())
    found = Onnx().load(manifest(tmp_path / "model.onnx"), 1).run({"INPUT": np.zeros((1, 4), np.float32)}, ())
    assert found["OUTPUT"].tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("location", ["../secret.bin", "sub/../../secret.bin", "{absolute}", "link.bin"])
def test_data_outside_the_models_folder_is_never_read(location: str, tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret.bin", tmp_path / "model"
    secret.write_bytes(bytes(16))
    (folder / "sub").mkdir(parents=True)
    (folder / "link.bin").symlink_to(secret)
    model = models.external(location.format(absolute=secret))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    assert "xternal data path" in refusal(folder / "model.onnx")


def test_quantised_files_are_coarse(tmp_path: Path) -> None:
    assert load(models.dynamically_quantised(), tmp_path).coarse


TINY = {"INPUT": np.full((1, 4), 1e-40, np.float32)}


@pytest.mark.parametrize("threads", [1, 2])
def test_tiny_numbers_are_zero_where_there_is_a_softmax(threads: int, tmp_path: Path) -> None:
    saved = models.save(models.weighed(), tmp_path)
    assert not Onnx().load(manifest(saved), threads).run(TINY, ("SMALL",))["SMALL"].any()
    assert (TINY["INPUT"] * np.float32(1)).any(), "this thread computes as before"


def test_tiny_numbers_are_kept_where_that_is_said_or_there_is_no_softmax(tmp_path: Path) -> None:
    said = manifest(models.save(models.weighed(), tmp_path), parameters={"tiny_numbers": "kept"})
    assert Onnx().load(said, 1).run(TINY, ("SMALL",))["SMALL"].all()


def test_unsigned_weights_are_multiplied_as_signed_ones_where_that_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = models.dynamically_quantised(), tmp_path / "model.onnx"
    for each in model.graph.initializer:
        if each.data_type == TensorProto.INT8:
            each.data_type, each.raw_data = TensorProto.UINT8, bytes(byte ^ 128 for byte in each.raw_data)
    x = {spec.name: np.ones((3, 32), np.float32) for spec in load(model, tmp_path).inputs}
    answers = []
    for features in ((), FASTER):
        monkeypatch.setattr(runtime, "cpu_features", lambda said=features: said)
        assert (signed(path, features) is not None) == bool(features)
        answers.append(load(model, tmp_path).run(x, ()))
    assert all(np.array_equal(answers[0][name], answers[1][name]) for name in answers[0])


def test_one_that_cannot_be_written_so_is_loaded_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "signed", lambda path, features: b"nothing that is a model")
    assert load(models.dense(), tmp_path).inputs


@pytest.mark.parametrize(
    "said",
    [{"device": "cuda"}, {"parameters": {"spinning": "perhaps"}}, {"parameters": {"tiny_numbers": "perhaps"}}],
)
def test_a_setting_that_it_cannot_honour_is_refused(said: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"device|spinning|tiny_numbers"):
        Onnx().load(manifest(models.save(models.identity(), tmp_path), **said), 1)


def test_failures_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = load(models.looked_up(), tmp_path)
    with pytest.raises(InputRefused):
        model.run({"IDS": np.array([[7]])}, ())
    assert capfd.readouterr() == ("", "")

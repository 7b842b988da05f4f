"""Tests of Triton's model configuration."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import HeadraceError, ModelInvalid
from headrace.repository.overrides import Overrides
from headrace.repository.triton_config import parse_json, parse_pbtxt
from headrace.repository.version_policy import All, Latest, Specific, VersionPolicy
from headrace.types import FREE, Batching, Cache, TensorSpec, WarmUp, WarmUpInput

HERE = Path(__file__).parent


def parse(text: str, folder: Path = HERE) -> Overrides:
    return parse_pbtxt(text.encode(), "m", folder)


def test_an_empty_configuration_says_nothing() -> None:
    assert parse("") == Overrides()


def test_lines_may_end_and_files_begin_as_on_windows() -> None:
    assert parse("\ufeffbackend: 'openvino'\r\n").runtime == "openvino"


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    (tmp_path / "warmup").mkdir()
    (tmp_path / "warmup" / "x.raw").touch()
    text = """
    name: "m"  # a comment
    backend: "onnxruntime"
    max_batch_size: 8
    default_model_filename: "net.onnx"
    input [
      { name: "x" data_type: TYPE_FP32 dims: [ 3, -1 ] reshape { shape: [ 3, 1, -1 ] } },
      { name: "s" data_type: TYPE_STRING dims: [ 1 ] optional: true }
    ]
    output { name: "y" data_type: TYPE_FP32 dims: 2 label_filename: "labels.txt" }
    dynamic_batching { max_queue_delay_microseconds: 100 default_queue_policy { max_queue_size: 7 } }
    instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_AUTO } ]
    version_policy { all { } }
    parameters { key: "a.b" value { string_value: "c" } }
    model_warmup {
      name: "w" batch_size: 4 count: 2
      inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 3, 5 ] input_data_file: "x.raw" } }
      inputs { key: "s" value { data_type: TYPE_STRING dims: 1 zero_data: true } }
    }
    """
    said = parse(text, tmp_path)
    assert said == Overrides(
        runtime="onnx",
        instances=3,
        version_policy=All(),
        filename="net.onnx",
        batching=Batching(enabled=True, max_size=8, max_delay_ms=0.1, max_queue=7),
        inputs=(
            TensorSpec("x", "FP32", (FREE, 3, FREE), model_shape=(FREE, 3, 1, FREE)),
            TensorSpec("s", "BYTES", (FREE, 1), optional=True),
        ),
        outputs=(TensorSpec("y", "FP32", (FREE, 2), labels=("cat", "dog")),),
        warm_up=(
            WarmUp(
                "w",
                4,
                2,
                {"s": WarmUpInput("BYTES", (1,)), "x": WarmUpInput("FP32", (3, 5), "file", "warmup/x.raw")},
            ),
        ),
        parameters={"a.b": "c"},
        config=said.config,
    )
    assert said.config["input"][0]["data_type"] == "TYPE_FP32"


@pytest.mark.parametrize(
    ("text", "batching"),
    [
        ("", Batching()),
        ("dynamic_batching { }", Batching()),
        ("max_batch_size: 0", Batching(enabled=False)),
        ("max_batch_size: 4", Batching(enabled=True, max_size=4)),
    ],
)
def test_a_batch_size_left_out_is_found_by_probing_and_0_is_not(text: str, batching: Batching) -> None:
    assert parse(text).batching == batching


@pytest.mark.parametrize(
    ("config", "batching"),
    [
        ({}, Batching()),
        ({"max_batch_size": None}, Batching()),
        ({"max_batch_size": 0}, Batching(enabled=False)),
        ({"maxBatchSize": "4"}, Batching(enabled=True, max_size=4)),
    ],
)
def test_json_tells_0_from_left_out_as_well(config: dict[str, Any], batching: Batching) -> None:
    assert parse_json(config, "m", HERE, "config").batching == batching


def test_dims_are_the_whole_shape_of_a_model_without_batches() -> None:
    tensor = 'input { name: "x" data_type: TYPE_INT8 dims: [ 1, 4 ] reshape { shape: [ 4 ] } }'
    assert parse(f"max_batch_size: 0 {tensor}").inputs == (TensorSpec("x", "INT8", (1, 4), model_shape=(4,)),)


def test_a_reshape_may_leave_nothing_but_the_batch_axis() -> None:
    tensor = 'input { name: "x" data_type: TYPE_INT8 dims: 1 reshape { } }'
    assert parse(f"max_batch_size: 2 {tensor}").inputs[0].model_shape == (FREE,)


def test_a_tensor_may_be_named_without_its_form() -> None:
    assert parse('max_batch_size: 2 input { name: "x" optional: true }').inputs == (
        TensorSpec("x", "", (), optional=True),
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("latest { }", Latest(1)),
        ("latest { num_versions: 3 }", Latest(3)),
        ("all { }", All()),
        ("specific { versions: [ 3, 1 ] }", Specific((3, 1))),
        ("", None),
    ],
)
def test_version_policies_are_read(text: str, policy: VersionPolicy | None) -> None:
    assert parse(f"version_policy {{ {text} }}").version_policy == policy


@pytest.mark.parametrize(
    ("text", "runtime"),
    [
        ('platform: "onnxruntime_onnx"', "onnx"),
        ('backend: "openvino"', "openvino"),
        ('backend: "tensorflow"', "openvino"),
        ('platform: "tensorflow_savedmodel"', "openvino"),
        ('platform: "tensorflow_graphdef"', "openvino"),
        ('backend: "openvino" platform: "tensorrt_plan"', "openvino"),
        ('platform: "tensorrt_plan"', "tensorrt_plan"),
    ],
)
def test_backend_goes_before_platform_and_an_unknown_one_is_left_to_be_overridden(text: str, runtime: str) -> None:
    assert parse(text).runtime == runtime


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "max_batch_sise: 1",
            'line 1, column 1: Message type "inference.ModelConfig" '
            "has no field named \"max_batch_sise\"; did you mean 'max_batch_size'?",
        ),
        (
            "input { dim: 1 }",
            'line 1, column 9: Message type "inference.ModelInput" has no field named "dim"; did you mean \'dims\'?',
        ),
        ("foo: 1", 'line 1, column 1: Message type "inference.ModelConfig" has no field named "foo"'),
        ("\n\n  max_batch_size: x", "line 3, column 19: "),
        ('name: "m', "line 1, column 7: "),
        ("max_batch_size: 1\nmax_batch_size: 2", "line 2, column 17: "),
        ('name: "other"', "name: says 'other', and the model's folder is 'm'; leave the key out"),
        ("max_batch_size: -1", "max_batch_size: says -1; give 0 (no batching) or more"),
        ("input { dims: 1 }", "input[0].name: is missing"),
        ('input { name: "x" } input { name: "x" }', "input[1].name: 'x' is there twice"),
        ('input { name: "x" dims: 1 }', "input[0].data_type: is missing or unknown; give one of TYPE_BOOL, "),
        ('input { name: "x" data_type: 99 dims: 1 }', "input[0].data_type: is missing or unknown"),
        ('input { name: "x" data_type: TYPE_FP32 }', "input[0].dims: is missing"),
        ('output { name: "y" data_type: TYPE_FP32 dims: [ 1, 0 ] }', "output[0].dims[1]: says 0; give 1 or more"),
        (
            'input { name: "x" data_type: TYPE_FP32 dims: 4 reshape { shape: [ 2, 3 ] } }',
            "input[0].reshape.shape: [2, 3] has another size than dims [4]",
        ),
        (
            'input { name: "x" data_type: TYPE_FP32 dims: [ 2, -1 ] reshape { shape: [ -1, 2 ] } }',
            "input[0].reshape.shape: ",
        ),
        ('output { name: "y" label_filename: "../x" }', "output[0].label_filename: '../x' leads out of the model's"),
        ("max_batch_size: 65537", "max_batch_size: says 65537; give at most 65536"),
        ("instance_group { count: 1025 }", "instance_group[0].count: says 1025; give at most 1024"),
        ("model_warmup { count: 4000000000 }", "model_warmup[0].count: says 4000000000; give at most 65536"),
        (
            "dynamic_batching { max_queue_delay_microseconds: 60000001 }",
            "dynamic_batching.max_queue_delay_microseconds: says 60000001; give at most 60000000",
        ),
        ("instance_group { count: -1 }", "instance_group[0].count: says -1; give 1 or more"),
        ("version_policy { specific { } }", "version_policy.specific.versions: give at least one version"),
        ("version_policy { specific { versions: 0 } }", "version_policy.specific.versions: give at least one version"),
        (
            'model_warmup { inputs { key: "x" value { data_type: TYPE_FP32 dims: -1 zero_data: true } } }',
            "model_warmup[0].inputs.x.dims: says -1; give the size",
        ),
        (
            'model_warmup { inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 } } }',
            "model_warmup[0].inputs.x: says no data; give zero_data, random_data or input_data_file",
        ),
        (
            'model_warmup { inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 input_data_file: "../../y" } } }',
            "model_warmup[0].inputs.x.input_data_file: 'warmup/../../y' leads out of the model's folder",
        ),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ModelInvalid) as error:
        parse(text)
    assert str(error.value).startswith(f"config.pbtxt: {message}")


@pytest.mark.parametrize(
    "config",
    [
        {"foo": 1},
        {"input": 5},
        {"input": [5]},
        {"name": 3},
        {"max_batch_size": 1.5},
        {"version_policy": {"latest": {}, "all": {}}},
        {"input": [{"data_type": "TYPE_X"}]},
    ],
)
def test_json_that_is_no_configuration_is_refused_under_its_own_name(config: dict[str, Any]) -> None:
    with pytest.raises(ModelInvalid, match=r"^parameters\.config: is not a model configuration: "):
        parse_json(config, "m", HERE, "parameters.config")


def test_instances_on_a_gpu_are_not_counted_and_the_warning_says_so() -> None:
    said = parse("instance_group [ { count: 4 kind: KIND_GPU }, { count: 2 kind: KIND_MODEL } ]")
    assert said.instances == 2
    assert said.warnings == (
        "config.pbtxt: instance_group[0].kind KIND_GPU is not honoured: models run on the CPU here",
        "config.pbtxt: instance_group[1].kind is not honoured: models run on the CPU here",
    )


def test_fields_that_are_not_honoured_are_warned_of() -> None:
    assert parse("optimization { eager_batching: true }").warnings == ("config.pbtxt: optimization is not honoured",)


def test_fields_that_would_change_answers_are_refused() -> None:
    with pytest.raises(ModelInvalid, match=r"config\.pbtxt: sequence_batching: a model that keeps state"):
        parse("sequence_batching { }")


WORDS_OF_PBTXT = """
    name backend max_batch_size input output dims data_type TYPE_FP32 reshape shape version_policy specific versions
    latest all model_warmup inputs key value zero_data parameters string_value instance_group count dynamic_batching
    : { } [ ] , -1 0 1 99999999999 1.5 "x" "m" "\\377" true # ; < >
"""
WORDS = st.sampled_from(WORDS_OF_PBTXT.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("TYPE_FP32"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS.filter(str.isidentifier) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.binary() | st.text().map(str.encode) | st.lists(WORDS, max_size=30).map(lambda words: " ".join(words).encode())
)
def test_any_bytes_are_read_or_refused_in_our_words(content: bytes) -> None:
    try:
        parse_pbtxt(content, "m", HERE)
    except HeadraceError as error:
        assert str(error).startswith("config.pbtxt: ")


@given(st.dictionaries(WORDS.filter(str.isidentifier), JSON, max_size=4))
def test_any_json_is_read_or_refused_in_our_words(config: dict[str, Any]) -> None:
    try:
        parse_json(config, "m", HERE, "config")
    except HeadraceError as error:
        assert str(error).startswith("config: ")


def test_a_response_cache_has_our_default_size() -> None:
    assert parse("response_cache { enable: true }").cache == Cache()
    assert parse("response_cache { enable: false }").cache is False
    assert parse("response_cache { }").cache is False

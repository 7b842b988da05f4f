"""A served version tells its configuration as Triton would."""

from pathlib import Path
from typing import Any

import pytest

from headrace.generated import model_config_pb2 as pb
from headrace.models.registry import Served
from headrace.protocols.oip.model_config import model_config, model_config_json
from headrace.types import (
    FREE,
    BatchAxis,
    Batching,
    Cache,
    Manifest,
    ModelVersion,
    Signature,
    TensorSpec,
)
from tests.protocols.oip.stub import StubServable

INPUT = TensorSpec("x", "FP32", (FREE, FREE, 16))
OUTPUT = TensorSpec("y", "BYTES", (FREE, 2))


def served(
    batched: bool = True, inputs: tuple[TensorSpec, ...] = (INPUT,), runtime: str = "onnx", **manifest: Any
) -> Served:
    version = ModelVersion("m", 3)
    signature = Signature(inputs, (OUTPUT,), BatchAxis(batched, 32), "onnxruntime_onnx", "onnx 1")
    servable = StubServable(version, signature, lambda arrays: arrays)
    return Served(version, Manifest("m", 3, Path(), runtime, **manifest), servable)


def test_name_platform_and_backend_are_tritons_words() -> None:
    config = model_config(served())
    assert (config.name, config.platform, config.backend) == ("m", "onnxruntime_onnx", "onnxruntime")


def test_dims_leave_out_the_batch_axis_of_a_batched_model() -> None:
    config = model_config(served())
    assert config.max_batch_size == 32
    assert [(one.name, one.data_type, list(one.dims)) for one in config.input] == [("x", pb.TYPE_FP32, [-1, 16])]
    assert [(one.name, one.data_type, list(one.dims)) for one in config.output] == [("y", pb.TYPE_STRING, [2])]


def test_a_model_that_is_not_batched_has_no_batch_size_and_all_its_dims() -> None:
    config = model_config(served(batched=False))
    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == [-1, -1, 16]


def test_a_reshape_tells_the_shape_of_the_file() -> None:
    config = model_config(served(inputs=(TensorSpec("x", "FP32", (FREE, 1), model_shape=(FREE,)),)))
    assert config.input[0].HasField("reshape")
    assert list(config.input[0].reshape.shape) == []


def test_an_input_that_may_be_left_out_says_so() -> None:
    config = model_config(served(inputs=(INPUT, TensorSpec("z", "INT8", (FREE,), optional=True))))
    assert [one.optional for one in config.input] == [False, True]


@pytest.mark.parametrize("batched", [True, False])
def test_a_dynamic_batcher_is_told_where_rows_are_joined(batched: bool) -> None:
    config = model_config(served(batched, config={"dynamic_batching": {"preferred_batch_size": [4]}}))
    assert config.HasField("dynamic_batching") == batched
    assert list(config.dynamic_batching.preferred_batch_size) == ([4] if batched else [])


def test_delay_and_queue_are_those_of_the_manifest() -> None:
    said = model_config(served(batching=Batching(max_delay_ms=1.5, max_queue=7))).dynamic_batching
    assert (said.max_queue_delay_microseconds, said.default_queue_policy.max_queue_size) == (1500, 7)


def test_instances_and_parameters_are_those_of_the_manifest() -> None:
    config = model_config(served(instances=2, parameters={"color": "red"}))
    (group,) = config.instance_group
    assert (group.count, group.kind) == (2, pb.ModelInstanceGroup.KIND_CPU)
    assert config.parameters["color"].string_value == "red"


def test_what_only_the_folders_configuration_says_is_kept() -> None:
    said = {
        "backend": "mine",
        "version_policy": {"all": {}},
        "output": [{"name": "y", "label_filename": "labels.txt", "dims": ["9"]}, {"name": "gone"}],
        "metric_tags": {"team": "7"},
    }
    config = model_config(served(config=said))
    assert (config.backend, config.metric_tags["team"]) == ("mine", "7")
    assert config.version_policy.WhichOneof("policy_choice") == "all"
    assert [(one.name, one.label_filename, list(one.dims)) for one in config.output] == [("y", "labels.txt", [2])]


def test_json_has_every_field_and_numbers_as_numbers() -> None:
    warmup = {"model_warmup": [{"name": "w", "inputs": {"x": {"data_type": "TYPE_FP32", "dims": ["7"]}}}]}
    said = model_config_json(served(batching=Batching(max_delay_ms=0.1), config={**warmup, "metric_tags": {"a": "1"}}))
    assert said["input"][0]["dims"] == [-1, 16]
    assert said["input"][0]["optional"] is False
    assert said["dynamic_batching"]["max_queue_delay_microseconds"] == 100
    assert said["model_warmup"][0]["inputs"]["x"]["dims"] == [7]
    assert said["metric_tags"] == {"a": "1"}
    assert said["cc_model_filenames"] == {}


def test_json_of_a_model_that_is_not_batched_has_no_batcher() -> None:
    assert "dynamic_batching" not in model_config_json(served(batched=False))


def test_a_response_cache_is_told_where_there_is_one() -> None:
    assert model_config(served(cache=Cache())).response_cache.enable
    assert not model_config(served(config={"response_cache": {"enable": True}})).HasField("response_cache")

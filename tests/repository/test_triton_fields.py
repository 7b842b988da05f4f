"""Tests of which fields of Triton's model configuration are read."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from headrace.errors import ModelInvalid
from headrace.generated import model_config_pb2 as pb
from headrace.repository.triton_fields import HONOURED, REFUSED, refuse_what_changes_answers, warn_of_the_rest


def parsed(text: str) -> pb.ModelConfig:
    return text_format.Parse(text, pb.ModelConfig())


@pytest.mark.parametrize("path", [*HONOURED, *REFUSED])
def test_every_path_of_the_tables_is_a_field_of_the_message(path: str) -> None:
    message: Any = pb.ModelConfig.DESCRIPTOR
    for name in path.split("."):
        message = message.fields_by_name[name].message_type
        if message and message.GetOptions().map_entry:
            message = message.fields_by_name["value"].message_type


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('name: "m" max_batch_size: 1', []),
        ("dynamic_batching { } version_policy { all { } }", []),
        ("model_transaction_policy { decoupled: false }", []),
        ("optimization { cuda { graphs: true } priority: PRIORITY_MAX }", ["optimization"]),
        ("response_cache { enable: true }", []),
        ("dynamic_batching { preferred_batch_size: [ 4, 8 ] }", ["dynamic_batching.preferred_batch_size"]),
        (
            "dynamic_batching { priority_queue_policy { key: 1 value { max_queue_size: 3 } } }",
            ["dynamic_batching.priority_queue_policy[1]"],
        ),
        ("input { } input { format: FORMAT_NCHW }", ["input[1].format"]),
        ("instance_group { gpus: [ 0 ] }", ["instance_group[0].gpus"]),
        ('cc_model_filenames { key: "a.b" value: "c" }', ["cc_model_filenames['a.b']"]),
        ('metric_tags { key: "a" value: "b" }', ["metric_tags['a']"]),
        ('model_operations { op_library_filename: "x.so" }', ["model_operations"]),
    ],
)
def test_what_is_not_honoured_is_named_by_its_shortest_path(text: str, paths: list[str]) -> None:
    assert warn_of_the_rest(parsed(text), "c") == [f"c: {path} is not honoured" for path in paths]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('ensemble_scheduling { step { model_name: "x" } }', "ensemble_scheduling"),
        ("sequence_batching { }", "sequence_batching"),
        ("model_transaction_policy { decoupled: true }", "model_transaction_policy.decoupled"),
        ("input { } input { is_shape_tensor: true }", "input[1].is_shape_tensor"),
        ("output { is_shape_tensor: true }", "output[0].is_shape_tensor"),
        ("input { allow_ragged_batch: true }", "input[0].allow_ragged_batch"),
        ("batch_input { kind: BATCH_ELEMENT_COUNT }", "batch_input[0]"),
        ("batch_output { kind: BATCH_SCATTER_WITH_INPUT_SHAPE }", "batch_output[0]"),
    ],
)
def test_what_would_change_answers_is_refused_by_its_path(text: str, path: str) -> None:
    with pytest.raises(ModelInvalid) as error:
        refuse_what_changes_answers(parsed(text), "c")
    assert error.value.where == f"c: {path}"


def test_every_path_of_the_tables_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "triton-config.md").read_text()
    assert [path for path in (*HONOURED, *REFUSED) if f"`{path}`" not in page] == []


def test_a_false_flag_is_as_good_as_none() -> None:
    refuse_what_changes_answers(parsed("input { is_shape_tensor: false allow_ragged_batch: false }"), "c")

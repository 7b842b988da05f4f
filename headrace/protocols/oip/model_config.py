"""Triton's model configuration of a version that is served, as a message and as JSON."""

from collections.abc import Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from headrace.generated import model_config_pb2 as pb
from headrace.models.registry import Served
from headrace.types import Shape, TensorSpec

_INT64 = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
_BACKENDS = {"onnx": "onnxruntime"}
"""Triton's word for a runtime, where it is another."""


def model_config(served: Served) -> pb.ModelConfig:
    """What holds: a configuration kept from the model's folder, and over it what loading has found."""
    manifest, signature = served.manifest, served.signature
    config = json_format.ParseDict(dict(manifest.config), pb.ModelConfig(), ignore_unknown_fields=True)
    config.name = served.version.name
    config.platform = signature.platform
    config.backend = config.backend or _BACKENDS.get(manifest.runtime, manifest.runtime)
    config.max_batch_size = signature.batch.max_size if signature.batch.batched else 0
    _put_tensors(config.input, signature.inputs, signature.batch.batched)
    _put_tensors(config.output, signature.outputs, signature.batch.batched)
    _put_batching(config, served)
    if not config.instance_group:
        config.instance_group.add(name=config.name, kind=pb.ModelInstanceGroup.KIND_CPU, count=manifest.instances or 1)
    if manifest.cache:
        config.response_cache.enable = True
    else:
        config.ClearField("response_cache")
    for name, value in manifest.parameters.items():
        config.parameters[name].string_value = value
    return config


def model_config_json(served: Served) -> dict[str, Any]:
    """The same as JSON, with every field and, as Triton writes it, 64-bit integers as numbers."""
    config = model_config(served)
    said: dict[str, Any] = json_format.MessageToDict(
        config, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _write_numbers(config, said)
    return said


def _put_tensors(target: Any, specs: Sequence[TensorSpec], batched: bool) -> None:
    """Replace inputs or outputs by what was found, and keep what only the configuration says of each."""
    said = {tensor.name: tensor for tensor in target}
    del target[:]
    for spec in specs:
        tensor = target.add()
        if spec.name in said:
            tensor.CopyFrom(said[spec.name])
        tensor.name = spec.name
        tensor.data_type = pb.DataType.Value(f"TYPE_{'STRING' if spec.datatype == 'BYTES' else spec.datatype}")
        tensor.dims[:] = _dims(spec.shape, batched)
        tensor.ClearField("reshape")
        if spec.model_shape is not None:
            tensor.reshape.shape[:] = _dims(spec.model_shape, batched)
        if spec.optional:
            tensor.optional = True


def _dims(shape: Shape, batched: bool) -> Shape:
    return shape[1:] if batched else shape


def _put_batching(config: pb.ModelConfig, served: Served) -> None:
    """Tell a dynamic batcher exactly where rows of several requests are joined."""
    if not served.signature.batch.batched:
        config.ClearField("dynamic_batching")
        return
    batching, said = served.manifest.batching, config.dynamic_batching
    said.SetInParent()
    if batching.max_delay_ms is not None:
        said.max_queue_delay_microseconds = round(batching.max_delay_ms * 1000)
    if batching.max_queue is not None:
        said.default_queue_policy.max_queue_size = batching.max_queue


def _write_numbers(message: Message, said: dict[str, Any]) -> None:
    """Turn the strings that 64-bit integers became into numbers, everywhere in a message's JSON."""
    for field in message.DESCRIPTOR.fields:
        if field.name not in said:
            continue
        value, written = getattr(message, field.name), said[field.name]
        if field.cpp_type in _INT64:
            said[field.name] = list(value) if isinstance(written, list) else value
        elif field.message_type is None:
            continue
        elif not field.message_type.GetOptions().map_entry:
            items = zip(value, written, strict=True) if isinstance(written, list) else [(value, written)]
            for item, of in items:
                _write_numbers(item, of)
        elif field.message_type.fields_by_name["value"].message_type is not None:
            for key, item in value.items():
                _write_numbers(item, written[str(key)])

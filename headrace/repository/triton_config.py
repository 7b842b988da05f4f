"""Triton's config.pbtxt, or the same as JSON -> what it says of a model."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from google.protobuf import json_format, text_format

from headrace.errors import ModelInvalid
from headrace.generated import model_config_pb2 as pb
from headrace.repository.limits import MAX_BATCH_SIZE, MAX_DELAY_US, MAX_INSTANCES, MAX_QUEUE, MAX_RUNS
from headrace.repository.overrides import Overrides
from headrace.repository.references import inside, read_labels
from headrace.repository.reshape import same_size
from headrace.repository.triton_fields import refuse_what_changes_answers, warn_of_the_rest
from headrace.repository.version_policy import All, Latest, Specific, VersionPolicy
from headrace.types import FREE, Batching, Cache, Shape, TensorSpec, WarmUp, WarmUpInput

_RUNTIMES = {
    "onnxruntime": "onnx",
    "onnxruntime_onnx": "onnx",
    "openvino": "openvino",
    "tensorflow": "openvino",
    "tensorflow_savedmodel": "openvino",
    "tensorflow_graphdef": "openvino",
}


def parse_pbtxt(content: bytes, name: str, folder: Path, file: str = "config.pbtxt") -> Overrides:
    """What a model configuration in protobuf's text form says of the model of that name.

    Labels and warm-up data are looked up in the model's folder; `file` names the source in errors and warnings.
    Raises ModelInvalid with the line and column, or the field, and what would be right.
    """
    config = pb.ModelConfig()
    try:
        text = content.decode("utf-8-sig")  # editors of Windows put a mark first
        text_format.Parse(text, config)
        over_a_default = pb.ModelConfig(max_batch_size=-1)  # the message alone cannot tell 0 from left out
        text_format.Merge(text, over_a_default)
    except UnicodeDecodeError as error:
        raise ModelInvalid(f"is not UTF-8 at byte {error.start}", file) from None
    except text_format.ParseError as error:
        raise ModelInvalid(_in_words(str(error)), file) from None
    except RecursionError:
        raise ModelInvalid("is nested too deep", file) from None
    size_said = over_a_default.max_batch_size == config.max_batch_size
    return _Reader(config, folder, file).read(name, config.max_batch_size if size_said else None)


def parse_json(said: Mapping[str, Any], name: str, folder: Path, file: str) -> Overrides:
    """The same for a configuration as JSON, as the load extension sends it."""
    config = pb.ModelConfig()
    try:
        json_format.ParseDict(dict(said), config)
    except json_format.ParseError as error:
        raise ModelInvalid(f"is not a model configuration: {_first_line(error)}", file) from None
    except RecursionError:
        raise ModelInvalid("is nested too deep", file) from None
    size_said = any(said.get(key) is not None for key in ("max_batch_size", "maxBatchSize"))
    return _Reader(config, folder, file).read(name, config.max_batch_size if size_said else None)


def _in_words(error: str) -> str:
    """`3:7 : what` as "line 3, column 7: what", and of a field that there is not the nearest that there is."""
    said = re.sub(r"^(\d+):(\d+) : ", r"line \1, column \2: ", error.strip())
    unknown = re.search(r'Message type "([\w.]+)" has no field named "(\w+)"\.$', said)
    if not unknown:
        return said
    fields = pb.DESCRIPTOR.pool.FindMessageTypeByName(unknown[1]).fields_by_name
    near = difflib.get_close_matches(unknown[2], fields, 1)
    return f"{said[:-1]}; did you mean {near[0]!r}?" if near else said


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]


class _Reader:
    """Reads one configuration. A max_batch_size of None is one left out: probing finds it."""

    def __init__(self, config: Any, folder: Path, file: str) -> None:
        self._config = config
        self._folder = folder
        self._file = file
        self._warnings: list[str] = []

    def read(self, name: str, max_batch_size: int | None) -> Overrides:
        config = self._config
        refuse_what_changes_answers(config, self._file)
        self._warnings += warn_of_the_rest(config, self._file)
        if config.name and config.name != name:
            raise self._fault("name", f"says {config.name!r}, and the model's folder is {name!r}; leave the key out")
        if max_batch_size is not None and max_batch_size < 0:
            raise self._fault("max_batch_size", f"says {max_batch_size}; give 0 (no batching) or more")
        self._at_most(MAX_BATCH_SIZE, config.max_batch_size, "max_batch_size")
        batched = bool(max_batch_size)  # dims then leave out the batch axis
        return Overrides(
            runtime=self._runtime(),
            instances=self._instances(),
            version_policy=self._version_policy(),
            filename=config.default_model_filename or None,
            batching=self._batching(max_batch_size),
            cache=self._cache(),
            inputs=self._tensors("input", batched),
            outputs=self._tensors("output", batched),
            warm_up=tuple(self._warm_up(run, f"model_warmup[{i}]") for i, run in enumerate(config.model_warmup)),
            parameters={key: value.string_value for key, value in config.parameters.items()},
            warnings=tuple(self._warnings),
            config=json_format.MessageToDict(config, preserving_proto_field_name=True),
        )

    def _fault(self, field: str, message: str) -> ModelInvalid:
        return ModelInvalid(message, f"{self._file}: {field}")

    def _warn(self, message: str) -> None:
        self._warnings.append(f"{self._file}: {message}")

    def _at_most(self, limit: int, value: int, field: str) -> None:
        if value > limit:
            raise self._fault(field, f"says {value}; give at most {limit}")

    def _runtime(self) -> str | None:
        """Our word for backend or platform; one that is not offered stays as it is, for model.toml to override."""
        said = self._config.backend or self._config.platform
        return _RUNTIMES.get(said, said) or None

    def _instances(self) -> int | None:
        kinds = pb.ModelInstanceGroup
        total = 0
        for index, group in enumerate(self._config.instance_group):
            where = f"instance_group[{index}]"
            if group.count < 0:
                raise self._fault(f"{where}.count", f"says {group.count}; give 1 or more")
            if group.kind == kinds.KIND_GPU:
                self._warn(f"{where}.kind KIND_GPU is not honoured: models run on the CPU here")
                continue
            if group.kind not in (kinds.KIND_AUTO, kinds.KIND_CPU):
                self._warn(f"{where}.kind is not honoured: models run on the CPU here")
            total += group.count or 1
            self._at_most(MAX_INSTANCES, total, f"{where}.count")
        return total or None

    def _version_policy(self) -> VersionPolicy | None:
        policy = self._config.version_policy
        match policy.WhichOneof("policy_choice"):
            case "latest":
                return Latest(policy.latest.num_versions or 1)
            case "all":
                return All()
            case "specific":
                return Specific(self._specific(policy.specific.versions))
        return None

    def _specific(self, versions: Sequence[int]) -> tuple[int, ...]:
        if not versions or min(versions) < 1:
            raise self._fault("version_policy.specific.versions", "give at least one version, each 1 or more")
        return tuple(versions)

    def _batching(self, max_batch_size: int | None) -> Batching:
        queue = self._config.dynamic_batching
        delay_us, max_queue = queue.max_queue_delay_microseconds, queue.default_queue_policy.max_queue_size
        self._at_most(MAX_DELAY_US, delay_us, "dynamic_batching.max_queue_delay_microseconds")
        self._at_most(MAX_QUEUE, max_queue, "dynamic_batching.default_queue_policy.max_queue_size")
        return Batching(
            enabled=None if max_batch_size is None else max_batch_size > 0,
            max_size=max_batch_size or None,
            max_delay_ms=delay_us / 1e3 if delay_us else None,
            max_queue=max_queue or None,
        )

    def _cache(self) -> Cache | Literal[False] | None:
        if not self._config.HasField("response_cache"):
            return None
        return Cache() if self._config.response_cache.enable else False

    def _tensors(self, field: str, batched: bool) -> tuple[TensorSpec, ...]:
        specs: dict[str, TensorSpec] = {}
        for index, tensor in enumerate(getattr(self._config, field)):
            where = f"{field}[{index}]"
            if not tensor.name:
                raise self._fault(f"{where}.name", "is missing")
            if tensor.name in specs:
                raise self._fault(f"{where}.name", f"{tensor.name!r} is there twice")
            specs[tensor.name] = self._tensor(tensor, where, batched)
        return tuple(specs.values())

    def _tensor(self, tensor: Any, where: str, batched: bool) -> TensorSpec:
        labels = getattr(tensor, "label_filename", "")
        datatype, dims, reshape = self._form(tensor, where)
        axis = (FREE,) if batched else ()
        return TensorSpec(
            name=tensor.name,
            datatype=datatype,
            shape=(*axis, *dims) if datatype else (),
            optional=getattr(tensor, "optional", False),
            labels=read_labels(self._folder, labels, f"{self._file}: {where}.label_filename") if labels else (),
            model_shape=None if reshape is None else (*axis, *reshape),
        )

    def _form(self, tensor: Any, where: str) -> tuple[str, Shape, Shape | None]:
        """Datatype, dims and reshape; the first two empty where neither is said."""
        reshape = self._dims(tensor.reshape.shape, f"{where}.reshape.shape") if tensor.HasField("reshape") else None
        if not tensor.data_type and not tensor.dims and reshape is None:
            return "", (), None
        datatype = self._datatype(tensor.data_type, f"{where}.data_type")
        if not tensor.dims:
            raise self._fault(f"{where}.dims", "is missing; give dims along with data_type, or neither")
        dims = self._dims(tensor.dims, f"{where}.dims")
        if reshape is not None and not same_size(dims, reshape):
            raise self._fault(f"{where}.reshape.shape", f"{list(reshape)} has another size than dims {list(dims)}")
        return datatype, dims, reshape

    def _datatype(self, number: int, where: str) -> str:
        names: dict[int, str] = {value: name.removeprefix("TYPE_") for name, value in pb.DataType.items() if value}
        if number not in names:
            known = ", ".join(f"TYPE_{name}" for name in names.values())
            raise self._fault(where, f"is missing or unknown; give one of {known}")
        return "BYTES" if names[number] == "STRING" else names[number]

    def _dims(self, dims: Sequence[int], where: str) -> Shape:
        for index, size in enumerate(dims):
            if size != FREE and size < 1:
                raise self._fault(f"{where}[{index}]", f"says {size}; give 1 or more, or -1 for any size")
        return tuple(dims)

    def _warm_up(self, run: Any, where: str) -> WarmUp:
        inputs = {name: self._warm_up_input(run.inputs[name], f"{where}.inputs.{name}") for name in sorted(run.inputs)}
        self._at_most(MAX_BATCH_SIZE, run.batch_size, f"{where}.batch_size")
        self._at_most(MAX_RUNS, run.count, f"{where}.count")
        return WarmUp(run.name or "warm-up", run.batch_size or 1, run.count or 1, inputs)

    def _warm_up_input(self, said: Any, where: str) -> WarmUpInput:
        datatype = self._datatype(said.data_type, f"{where}.data_type")
        shape = self._dims(said.dims, f"{where}.dims")
        if FREE in shape:
            raise self._fault(f"{where}.dims", "says -1; give the size that the run should have")
        match said.WhichOneof("input_data_type"):
            case "zero_data":
                return WarmUpInput(datatype, shape)
            case "random_data":
                return WarmUpInput(datatype, shape, "random")
            case "input_data_file":
                file = f"warmup/{said.input_data_file}"
                inside(self._folder, file, f"{self._file}: {where}.input_data_file")
                return WarmUpInput(datatype, shape, "file", file)
        raise self._fault(where, "says no data; give zero_data, random_data or input_data_file")

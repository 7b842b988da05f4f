"""model.toml -> what it says of a model, with every fault named by file and key."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from headrace.arrays import DATATYPES
from headrace.errors import ModelInvalid
from headrace.repository.labels import WHAT_IS_A_LABEL, is_label
from headrace.repository.limits import (
    MAX_AVAILABILITY,
    MAX_BATCH_SIZE,
    MAX_CACHE_BYTES,
    MAX_CACHE_S,
    MAX_DELAY_US,
    MAX_INSTANCES,
    MAX_OBJECTIVE_MS,
    MAX_QUEUE,
    MAX_ROWS,
    MAX_RUNS,
    MAX_SEQUENCES,
    MIN_ROWS,
)
from headrace.repository.overrides import Overrides, SaidVariant
from headrace.repository.references import inside, read_labels
from headrace.repository.reshape import same_size
from headrace.repository.schema_faults import explain, unknown_key
from headrace.repository.variants import OWN, VARIANT_NAME
from headrace.repository.version_policy import All, Latest, Specific, VersionPolicy
from headrace.settings import REASONING, KvMemory
from headrace.toml_text import read_toml
from headrace.types import (
    Batching,
    Cache,
    DriftChoices,
    LanguageChoices,
    Objective,
    Padding,
    Shape,
    TensorSpec,
    WarmUp,
    WarmUpInput,
)

BatchSize = Annotated[int, Meta(ge=1, le=MAX_BATCH_SIZE)]
Instances = Annotated[int, Meta(ge=1, le=MAX_INSTANCES)]
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Dimension = Annotated[int, Meta(ge=-1, le=2**63 - 1)]
Milliseconds = Annotated[float, Meta(gt=0, le=MAX_OBJECTIVE_MS)]
Name = Annotated[str, Meta(min_length=1)]
VariantName = Annotated[str, Meta(pattern=VARIANT_NAME)]
Accuracy = Annotated[float, Meta(ge=0, le=1)]


REFERENCE_FILES = (".npy", ".npz", ".csv")
"""What a reference for drift may end in."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of which every key is known."""


class _Pad(_Strict, frozen=True):
    axis: Annotated[int, Meta(ge=1, le=64)]
    values: dict[str, bool | Integer | float] = {}
    mask: Name | None = None


class _Batching(_Strict, frozen=True):
    max_size: BatchSize | None = None
    max_delay_ms: Annotated[float, Meta(ge=0, le=MAX_DELAY_US / 1000)] | None = None
    max_queue: Annotated[int, Meta(ge=1, le=MAX_QUEUE)] | None = None
    tolerance: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    pad: Annotated[bool | _Pad | None, Meta(extra={"takes": "false, or a table as in { axis = 1, mask = ... }"})] = None
    policy: Literal["deadline", "fixed", "none"] | None = None
    lanes: Literal["auto", 1, 2] | None = None
    spread: Literal["auto", "off"] | None = None
    lane: Literal["auto", "own", "shared"] | None = None


class _Cache(_Strict, frozen=True):
    max_bytes: Annotated[int, Meta(ge=1, le=MAX_CACHE_BYTES)] = Cache().max_bytes
    ttl_s: Annotated[float, Meta(gt=0, le=MAX_CACHE_S)] | None = None


class _Objective(_Strict, frozen=True):
    p99_ms: Milliseconds | None = None
    ttft_ms: Milliseconds | None = None
    tpot_ms: Milliseconds | None = None
    availability: Annotated[float, Meta(gt=0, le=MAX_AVAILABILITY)] | None = None


class _Drift(_Strict, frozen=True):
    reference: str | int | None = None  # a number is held against MIN_ROWS and MAX_ROWS
    window: Annotated[int, Meta(ge=MIN_ROWS, le=MAX_ROWS)] | None = None


class _Llm(_Strict, frozen=True):
    precision: Literal["auto", "f32", "bf16", "int8", "int4"] | None = None
    kv_precision: Literal["auto", "f32", "f16", "bf16", "u8"] | None = None
    kernels: Literal["auto", "openvino"] | None = None
    kv_memory: str | int | float | None = None  # held against config.KvMemory
    speculation: Literal["auto", "off", "ngram", "draft"] | None = None
    prefix_cache: bool | None = None
    max_sequences: Annotated[int, Meta(ge=1, le=MAX_SEQUENCES)] | None = None
    max_context: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    draft: str | None = None
    draft_precision: Literal["auto", "f32", "bf16", "int8", "int4"] | None = None
    reasoning: str | None = None  # held against config.REASONING
    generation_defaults: Literal["model", "none"] | None = None


class _Tensor(_Strict, frozen=True):
    name: Name
    datatype: str | None = None
    shape: tuple[Dimension, ...] | None = None
    reshape: tuple[Dimension, ...] | None = None


class _Input(_Tensor, frozen=True):
    optional: bool = False


class _Output(_Tensor, frozen=True):
    labels: tuple[str, ...] | str = ()


class _WarmUpInput(_Strict, frozen=True):
    datatype: str
    shape: tuple[Annotated[int, Meta(ge=0, le=2**31 - 1)], ...]
    data: Literal["zero", "random", "file"] = "zero"
    file: str = ""


class _WarmUp(_Strict, frozen=True):
    name: Name = "warm-up"
    batch_size: BatchSize = 1
    count: Annotated[int, Meta(ge=1, le=MAX_RUNS)] = 1
    inputs: dict[str, _WarmUpInput] = {}


class _OwnVariant(_Strict, frozen=True):
    name: VariantName = OWN
    accuracy: Accuracy = 1.0


class _Variant(_Strict, frozen=True):
    name: VariantName
    file: Name
    accuracy: Accuracy
    runtime: Literal["onnx", "openvino", "fake"] | None = None


class _ModelToml(_Strict, frozen=True):
    """The keys of model.toml; the types are the rules."""

    runtime: Literal["onnx", "openvino", "llm", "fake", "fakellm"] | None = None
    device: Literal["cpu"] | None = None
    isolation: Literal["process", "none"] | None = None
    instances: Instances | None = None
    threads: Annotated[int, Meta(ge=1, le=1024)] | None = None
    version_policy: str | tuple[Annotated[int, Meta(ge=1, le=2**63 - 1)], ...] | None = None
    batching: bool | _Batching | None = None
    objective: _Objective = _Objective()
    cache: bool | _Cache | None = None
    drift: bool | _Drift | None = None
    llm: _Llm = _Llm()
    inputs: tuple[_Input, ...] = ()
    outputs: tuple[_Output, ...] = ()
    warm_up: tuple[_WarmUp, ...] = ()
    variant: _OwnVariant | None = None
    variants: tuple[_Variant, ...] = ()
    allow_signature_change: bool | None = None
    labels: dict[str, Annotated[int, Meta(ge=1, le=2**63 - 1)]] | None = None
    parameters: dict[str, str | int | float | bool] = {}


_TABLES: Mapping[str, type[msgspec.Struct]] = {
    "": _ModelToml,
    "batching": _Batching,
    "batching.pad": _Pad,
    "objective": _Objective,
    "cache": _Cache,
    "drift": _Drift,
    "llm": _Llm,
    "inputs[...]": _Input,
    "outputs[...]": _Output,
    "warm_up[...]": _WarmUp,
    "warm_up[...].inputs[...]": _WarmUpInput,
    "variant": _OwnVariant,
    "variants[...]": _Variant,
}


def parse_model_toml(content: bytes, folder: Path, file: str = "model.toml") -> Overrides:
    """What a model.toml says. Labels and warm-up data that it names are looked up in the model's folder.

    `file` names it in errors. Raises ModelInvalid with the file, the key, and what would be right.
    """
    raw = _decode(content, file)
    _refuse_unknown_keys(raw, file)
    try:
        said = msgspec.convert(raw, _ModelToml)
    except msgspec.ValidationError as error:
        message, key = explain(error, raw, _TABLES)
        raise ModelInvalid(message, f"{file}: {key}") from None
    return Overrides(
        runtime=said.runtime,
        device=said.device,
        isolation=said.isolation,
        instances=said.instances,
        threads=said.threads,
        version_policy=_version_policy(said.version_policy, f"{file}: version_policy"),
        allow_signature_change=said.allow_signature_change,
        labels=_labels(said.labels, f"{file}: labels"),
        batching=_batching(said.batching, f"{file}: batching"),
        cache=_cache(said.cache),
        objective=Objective(**msgspec.structs.asdict(said.objective)),
        drift=_drift(said.drift, folder, f"{file}: drift"),
        llm=_llm(said.llm, f"{file}: llm"),
        inputs=_inputs(said.inputs, f"{file}: inputs"),
        outputs=_outputs(said.outputs, folder, f"{file}: outputs"),
        warm_up=tuple(_warm_up(run, folder, f"{file}: warm_up[{i}]") for i, run in enumerate(said.warm_up)),
        variant=SaidVariant(said.variant.name, said.variant.accuracy) if said.variant else None,
        variants=tuple(SaidVariant(each.name, each.accuracy, each.file, each.runtime or "") for each in said.variants),
        parameters={key: _as_text(value) for key, value in said.parameters.items()},
    )


def _decode(content: bytes, file: str) -> dict[str, Any]:
    try:
        return read_toml(content.decode("utf-8-sig"))  # editors of Windows put a mark first
    except UnicodeDecodeError as error:
        raise ModelInvalid(f"is not UTF-8 at byte {error.start}", file) from None
    except ValueError as error:
        raise ModelInvalid(str(error), file) from None


def _refuse_unknown_keys(raw: Mapping[str, Any], file: str) -> None:
    """Before types are checked, so that a misspelt key is not reported as another one that is missing."""
    if fault := unknown_key(raw, _TABLES):
        message, key = fault
        raise ModelInvalid(message, f"{file}: {key}")


def _version_policy(said: str | tuple[int, ...] | None, where: str) -> VersionPolicy | None:
    if said is None:
        return None
    if said == "all":
        return All()
    if isinstance(said, str):
        latest = re.fullmatch(r"latest:([1-9][0-9]{0,8})", said)
        if latest is None:
            raise ModelInvalid(
                f'says {said!r}; give "all", "latest:N" with N of 1 or more, or a list like [1, 3]', where
            )
        return Latest(int(latest[1]))
    if not said:
        raise ModelInvalid("names no version; give at least one, as in [1, 3]", where)
    return Specific(said)


def _labels(said: dict[str, int] | None, where: str) -> dict[str, int] | None:
    for label in said or {}:
        if not is_label(label):
            raise ModelInvalid(f"{label!r} is no label: {WHAT_IS_A_LABEL}", where)
    return said


def _batching(said: bool | _Batching | None, where: str) -> Batching:
    """A word settles whether rows are joined; a table only how, and probing finds whether."""
    if isinstance(said, _Batching):
        pad = _padding(said.pad, f"{where}.pad")
        return Batching(**{**msgspec.structs.asdict(said), "pad": pad})
    return Batching(enabled=said)


def _cache(said: bool | _Cache | None) -> Cache | Literal[False] | None:
    if isinstance(said, _Cache):
        return Cache(said.max_bytes, said.ttl_s)
    return Cache() if said else None if said is None else False


def _drift(said: bool | _Drift | None, folder: Path, where: str) -> DriftChoices:
    if not isinstance(said, _Drift):
        return DriftChoices(enabled=said)
    reference = said.reference
    if isinstance(reference, int) and not MIN_ROWS <= reference <= MAX_ROWS:
        message = f"says {reference}; give {MIN_ROWS} to {MAX_ROWS} rows, a file, or 'previous'"
        raise ModelInvalid(message, f"{where}.reference")
    if isinstance(reference, int) or reference is None or reference == "previous":
        known = cast(int | Literal["previous"] | None, reference)
        return DriftChoices(known, window=said.window, enabled=True)
    kept = inside(folder, reference, f"{where}.reference")
    if kept.suffix not in REFERENCE_FILES:
        message = f"{reference!r} is no reference: give a file that ends in {', '.join(REFERENCE_FILES)}"
        raise ModelInvalid(message, f"{where}.reference")
    return DriftChoices(file=kept, window=said.window, enabled=True)


def _padding(said: bool | _Pad | None, where: str) -> Padding | bool | None:
    if said is True:
        raise ModelInvalid("says true; give false, or a table as in { axis = 1, mask = ... }", where)
    return Padding(said.axis, said.values, said.mask or "") if isinstance(said, _Pad) else said


def _llm(said: _Llm, where: str) -> LanguageChoices:
    try:
        msgspec.convert("auto" if said.kv_memory is None else said.kv_memory, KvMemory)
    except msgspec.ValidationError:
        message = f"says {said.kv_memory!r}; give bytes as in 2GiB, a share of the free memory as in 0.5, or auto"
        raise ModelInvalid(message, f"{where}.kv_memory") from None
    if said.reasoning is not None and not re.match(REASONING, said.reasoning):
        message = f"says {said.reasoning!r}; give auto, off, or the marks around thoughts as in {'<think> </think>'!r}"
        raise ModelInvalid(message, f"{where}.reasoning")
    return LanguageChoices(**msgspec.structs.asdict(said))


def _inputs(said: tuple[_Input, ...], where: str) -> tuple[TensorSpec, ...]:
    specs = _tensors(said, where)
    return tuple(msgspec.structs.replace(spec, optional=each.optional) for spec, each in zip(specs, said, strict=True))


def _outputs(said: tuple[_Output, ...], folder: Path, where: str) -> tuple[TensorSpec, ...]:
    labelled = []
    for index, (spec, each) in enumerate(zip(_tensors(said, where), said, strict=True)):
        file = each.labels if isinstance(each.labels, str) else None
        labels = read_labels(folder, file, f"{where}[{index}].labels") if file is not None else tuple(each.labels)
        labelled.append(msgspec.structs.replace(spec, labels=labels))
    return tuple(labelled)


def _tensors(said: Sequence[_Tensor], where: str) -> tuple[TensorSpec, ...]:
    specs = tuple(_tensor(tensor, f"{where}[{index}]") for index, tensor in enumerate(said))
    names = [spec.name for spec in specs]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ModelInvalid(f"{name!r} is there twice; join the two tables", f"{where}[{index}].name")
    return specs


def _tensor(said: _Tensor, where: str) -> TensorSpec:
    if (said.datatype is None) != (said.shape is None):
        lacking = "shape" if said.shape is None else "datatype"
        raise ModelInvalid(f"{lacking!r} is missing; give datatype and shape together, or neither", where)
    if said.reshape is not None:
        _check_reshape(said.shape, said.reshape, f"{where}.reshape")
    if said.datatype is not None:
        _known_datatype(said.datatype, f"{where}.datatype")
    for field, sizes in (("shape", said.shape), ("reshape", said.reshape)):
        if sizes and 0 in sizes:
            raise ModelInvalid("says 0; give 1 or more, or -1 for any size", f"{where}.{field}[{sizes.index(0)}]")
    return TensorSpec(said.name, said.datatype or "", said.shape or (), model_shape=said.reshape)


def _check_reshape(shape: Shape | None, reshape: Shape, where: str) -> None:
    if shape is None:
        raise ModelInvalid("needs the shape that clients see; give datatype and shape too", where)
    if not same_size(shape, reshape):
        message = f"{list(reshape)} has another size than shape {list(shape)}"
        raise ModelInvalid(f"{message}; each -1 of one is one of the other, in order", where)


def _warm_up(said: _WarmUp, folder: Path, where: str) -> WarmUp:
    inputs = {name: _warm_up_input(tensor, folder, f"{where}.inputs.{name}") for name, tensor in said.inputs.items()}
    return WarmUp(said.name, said.batch_size, said.count, inputs)


def _warm_up_input(said: _WarmUpInput, folder: Path, where: str) -> WarmUpInput:
    _known_datatype(said.datatype, f"{where}.datatype")
    if (said.data == "file") != bool(said.file):
        raise ModelInvalid('a file goes with data = "file", and only with that', where)
    if said.file:
        inside(folder, said.file, f"{where}.file")
    shape: Shape = said.shape
    return WarmUpInput(said.datatype, shape, said.data, said.file)


def _known_datatype(datatype: str, where: str) -> None:
    if datatype not in DATATYPES:
        raise ModelInvalid(f"{datatype!r} is not a datatype; known: {', '.join(DATATYPES)}", where)


def _as_text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

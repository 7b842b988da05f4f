"""The values that cross a folder's border; all frozen, each made by one stage and read by later ones.

Those made for each request are not tracked by the garbage collector (`gc=False`): being frozen and made of values,
they are never part of a cycle.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.generation import Ask, LanguageFacts, Result

Buffer = bytes | bytearray | memoryview
"""Bytes in row-major, little-endian order, as they travel."""

Shape = tuple[int, ...]

Parameter = bool | int | float | str
"""The values that a protocol parameter may have."""

USUAL_LEVEL = 5
"""Of priorities 1, the highest, to 9: what 0 stands for."""

FREE = -1
"""In a specification's shape: a dimension of any size."""


class Tensor(msgspec.Struct, frozen=True, gc=False):
    """An array as it travels: made by `protocols/oip/tensors.py` and by runtimes, read by batching.

    `data` is row-major and little-endian, exactly the size that shape and datatype say. A BYTES tensor's
    elements each have a 4-byte little-endian length before them, in `data` as on the wire.
    `data` may lie in memory that is valid only during the call that hands the tensor over.
    """

    name: str
    datatype: str  # a key of `arrays.DATATYPES`
    shape: Shape
    data: Buffer


class TensorSpec(msgspec.Struct, frozen=True, gc=False):
    """What a model says of one input or output; shapes are as clients see them, batch axis included."""

    name: str
    datatype: str  # empty in a Manifest's override that leaves it, and the shape, as the file says
    shape: Shape  # FREE where any size goes
    optional: bool = False
    labels: tuple[str, ...] = ()  # of the classes, for the classification extension
    model_shape: Shape | None = None  # what the model file itself asks for, where a `reshape` says so
    symbols: tuple[str, ...] = ()  # the file's names of the dimensions ("" where unnamed): equal names, equal sizes


Number = bool | int | float
"""One element of a tensor that is no string."""


class PadAxis(msgspec.Struct, frozen=True):
    """The dimension along which rows of several lengths share one run, each filled up to the longest, and its answers
    cut to its own length; and how that is known."""

    axis: int  # of each input in `values`; the batch axis is 0
    values: Mapping[str, Number]  # what each input with that dimension is filled up with
    outputs: Mapping[str, tuple[int, ...]] = {}  # the dimensions of an output that are as long as the inputs
    mask: str = ""  # the input that tells a row from its filling; only requests that give it are filled up
    difference: float = 0.0  # largest absolute difference of a row alone and filled up
    why: str = ""  # one sentence: what was found
    lengths: tuple[int, int] | None = None  # the shortest and the longest that were tried; None: any may be filled up
    packed: bool = False  # what rows are filled up with costs nothing: the model leaves it out

    def fills(self, length: int) -> bool:
        """Whether rows of this length are filled up, and filled up to: what was not tried is not known to be right."""
        return self.lengths is None or self.lengths[0] <= length <= self.lengths[1]


class BatchAxis(msgspec.Struct, frozen=True):
    """Whether rows of several requests may share one run, and how that is known."""

    batched: bool
    max_size: int = 1  # rows in one run
    difference: float = 0.0  # largest absolute difference of a row alone and in company
    why: str = ""  # one sentence: what was found, or why rows stay alone
    pending: bool = False  # no sizes were found that run: learn from the first request
    pad: PadAxis | None = None  # None: only rows of one shape share a run
    unpadded: str = ""  # why they do, where rows may differ in length
    most_rows: int = 0  # of one request, if that is more than a run has: it is computed in parts


class Signature(msgspec.Struct, frozen=True):
    """What a loaded version takes and gives, found by loading it."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: BatchAxis
    platform: str  # Triton's word: onnxruntime_onnx, openvino, ...
    runtime: str  # with its version: "onnx 1.32.0"
    language: LanguageFacts | None = None  # of a language model
    variant_runtimes: Mapping[str, str] = {}  # where it has several files: each one's, by the variant's name
    warnings: tuple[str, ...] = ()  # what it will not do as asked, as its first runs have shown


class ModelRef(msgspec.Struct, frozen=True, gc=False):
    """What a caller asks for: a name, and a version, a label of one, or neither for the server's choice."""

    name: str
    version: int | None = None
    label: str = ""


class ModelVersion(msgspec.Struct, frozen=True, gc=False):
    """One version of one model, as the repository has it."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


class Padding(msgspec.Struct, frozen=True):
    """How rows of several lengths are to be joined; what is not named of the inputs with that axis is filled with 0."""

    axis: int
    values: Mapping[str, Number] = {}  # by input
    mask: str = ""  # the input that tells a row from its filling


class Cache(msgspec.Struct, frozen=True):
    """Answers of a model that are kept for equal requests."""

    max_bytes: int = 64 << 20
    ttl_s: float | None = None  # None: as long as there is room


class Batching(msgspec.Struct, frozen=True):
    """How requests for a model are joined. None means: as found by probing, or as the settings say."""

    enabled: bool | None = None  # False: every request runs alone; True: trust it without probing
    max_size: int | None = None  # rows in one run
    max_delay_ms: float | None = None  # how long the first of a batch may wait for company
    max_queue: int | None = None  # requests that may wait
    tolerance: float | None = None  # largest difference of a row alone and in company
    pad: Padding | bool | None = None  # False: rows of several lengths never share a run
    policy: Literal["deadline", "fixed", "none"] | None = None  # what decides when a batch is closed
    lanes: Literal["auto", 1, 2] | None = None  # runs side by side
    spread: Literal["auto", "off"] | None = None  # a batch's rows over the cores
    lane: Literal["auto", "own", "shared"] | None = None  # whether other models' runs are waited for


class Objective(msgspec.Struct, frozen=True):
    """What a model's answers must hold, times in milliseconds from arrival; None: nothing is promised."""

    p99_ms: float | None = None
    ttft_ms: float | None = None  # of a language model: to the first token
    tpot_ms: float | None = None  # of a language model: between tokens
    availability: float | None = None  # share of the requests that are answered; None: as the settings say

    def due_ns(self, arrived_ns: int, deadline_ns: int | None) -> int | None:
        """When an answer must come to a request that says `deadline_ns` itself: the tighter of the two."""
        if self.p99_ms is None:
            return deadline_ns
        due_ns = arrived_ns + int(self.p99_ms * 1e6)
        return due_ns if deadline_ns is None else min(due_ns, deadline_ns)


class DriftChoices(msgspec.Struct, frozen=True):
    """How a model is watched for drift. None means: as the settings under `drift` say."""

    reference: int | Literal["previous"] | None = None  # the rows that are first, or the version before
    file: Path | None = None  # that has the reference, instead
    window: int | None = None  # rows that are compared with it at once
    enabled: bool | None = None


class WarmUp(msgspec.Struct, frozen=True):
    """One run before the version is served. Inputs not named are zeros of size 1 in their free dimensions."""

    name: str = "warm-up"
    batch_size: int = 1
    count: int = 1
    inputs: Mapping[str, "WarmUpInput"] = {}


class WarmUpInput(msgspec.Struct, frozen=True):
    """One input of a warm-up run; `file` is raw tensor data, relative to the model's folder."""

    datatype: str
    shape: Shape
    data: Literal["zero", "random", "file"] = "zero"
    file: str = ""


class LanguageChoices(msgspec.Struct, frozen=True):
    """How a language model is run. None means: as the settings under `llm` say."""

    precision: Literal["auto", "f32", "bf16", "int8", "int4"] | None = None
    kv_precision: Literal["auto", "f32", "f16", "bf16", "u8"] | None = None
    kv_memory: str | int | float | None = None
    speculation: Literal["auto", "off", "ngram", "draft"] | None = None
    prefix_cache: bool | None = None
    max_sequences: int | None = None
    max_context: int | None = None
    draft: str | None = None  # the model that proposes tokens: a path inside the model's folder, or another's name
    draft_precision: Literal["auto", "f32", "bf16", "int8", "int4"] | None = None
    reasoning: str | None = None
    generation_defaults: Literal["model", "none"] | None = None
    kernels: Literal["auto", "openvino"] | None = None


class Variant(msgspec.Struct, frozen=True):
    """One of several files that answer for a model version: in other precisions, smaller, by another runtime."""

    name: str
    path: Path
    runtime: str
    accuracy: float  # 0 to 1, by the measure of whoever wrote it down


class Manifest(msgspec.Struct, frozen=True):
    """All that is known of a model version before it is loaded: made by `models/`, read by `build.py`."""

    name: str
    version: int
    path: Path  # the model file, or its folder for a SavedModel
    runtime: str  # "onnx", "openvino", "llm", "fake"
    folder: Path | None = None  # the model's folder; files that a model names stay inside it
    device: str = "cpu"
    isolation: Literal["process", "none"] | None = None  # None: as the settings say
    instances: int | None = None
    threads: int | None = None  # of one instance
    inputs: tuple[TensorSpec, ...] = ()  # overrides by name, partial: only those named
    outputs: tuple[TensorSpec, ...] = ()
    batching: Batching = Batching()
    objective: Objective = Objective()
    cache: Cache | None = None  # None: every request is computed
    allow_signature_change: bool | None = None  # of what takes its place; None: as the settings say
    warm_up: tuple[WarmUp, ...] = ()
    drift: DriftChoices = DriftChoices()
    llm: LanguageChoices = LanguageChoices()
    parameters: Mapping[str, str] = {}
    variants: tuple[Variant, ...] = ()  # the file at `path` first; empty: it has no other
    variant: str = ""  # what its file is called among several of the model; "" where it is the only one
    joins: bool = False  # it is of one that joins another file, which answers already
    provenance: Mapping[str, str] = {}  # setting -> "model.toml", "config.pbtxt", "file", "default"
    warnings: tuple[str, ...] = ()  # what was read and is not honoured
    config: Mapping[str, Any] = {}  # what a Triton configuration said, as JSON, for the config route

    @property
    def id(self) -> ModelVersion:
        return ModelVersion(self.name, self.version)


class Context(msgspec.Struct, frozen=True, gc=False):
    """What is known of a request besides its content. Times are `Clock.now_ns`."""

    arrived_ns: int
    protocol: str = ""  # "http", "grpc", ...
    deadline_ns: int | None = None
    priority: int = 0  # 0: the default; 1: the highest
    trace: str = ""  # a W3C traceparent, or empty
    tenant: str = ""  # on whose behalf; "" where nobody said
    min_accuracy: float = 0.0  # of the variant that may answer
    ttft_ns: int | None = None  # from arrival to a language model's first token
    tpot_ns: int | None = None  # from one token of it to the next, on average
    variant: str = ""  # that is to answer; "": any that is accurate enough
    headers: Sequence[tuple[str | bytes, str | bytes]] = ()  # as they came, names in small letters

    @property
    def level(self) -> int:
        """Lower is served first."""
        return self.priority or USUAL_LEVEL


class Bundle(msgspec.Struct, frozen=True, gc=False):
    """Requests that came at once and are asked as one: they differ in who asked, and in their tensors' bytes alone.

    Each of its lists has an entry for each of them, in one order, which is that of their rows.
    """

    ids: Sequence[str]
    arrived_ns: Sequence[int]
    contents: Sequence[Sequence[Buffer]]  # the bytes of each input
    left: set[int]  # the places of those whose callers went away: their answers are nobody's


class Request(msgspec.Struct, frozen=True, gc=False):
    """One inference asked for: made by `protocols/`, handed all the way down."""

    id: str
    model: ModelRef
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()  # names; empty: all of them
    parameters: Mapping[str, Parameter] = {}
    context: Context = Context(0)
    ask: Ask | None = None  # of a language model, instead of inputs
    also: str = ""  # another id that its client knows it by: its body's, where its head says one too
    bundle: Bundle | None = None
    """Where it stands for several: shapes are of all their rows, bytes are in there, and the rest is the first one's.
    Only whoever says so (`servable.together`) is asked so, and an error says nothing of any of them."""


class BatchFacts(msgspec.Struct, frozen=True, gc=False):
    """What is known of one finished run; shared by the responses of all requests that were in it."""

    rows: int
    requests: int
    reason: str  # why it was closed; see `batching/policy.py`
    instance: int
    started_ns: int  # taken from the queue
    input_ns: int = 0  # time to lay out inputs, to compute, to lay out outputs
    infer_ns: int = 0
    output_ns: int = 0
    variant: str = ""  # that computed it, where the model has several
    device_ns: int = 0  # its part of the device's time, shared with what ran beside it


class CacheFacts(msgspec.Struct, frozen=True, gc=False):
    """What a model's response cache had to do with an answer."""

    hit: bool  # it was kept, or computed for an equal request that was under way
    spent_ns: int = 0  # looking it up, and keeping it
    waited_ns: int = 0  # for that request
    variant: str = ""  # of a hit: what had computed it, where the model has several


class Response(msgspec.Struct, frozen=True, gc=False):
    """One answer. Tensors of a response are valid only during the callback that receives it."""

    model: ModelVersion
    outputs: tuple[Tensor, ...]
    batch: BatchFacts | None
    final: bool = True
    parameters: Mapping[str, Parameter] = {}
    result: Result | None = None  # to a request's `ask`
    cache: CacheFacts | None = None  # None: the model has none
    device_ns: int = 0  # this request's part of the device's time; of a generation, with its last answer
    rows: int = 0  # of this request, as far as it shared a run


class Backlog(msgspec.Struct, frozen=True):
    """How busy a Servable is: requests that wait and that run."""

    queued: int
    running: int


VersionState = Literal["UNAVAILABLE", "LOADING", "READY", "UNLOADING"]


class VersionStatus(msgspec.Struct, frozen=True):
    """What the repository index says of one version; version None where a folder has none that is right."""

    name: str
    version: int | None
    state: VersionState
    reason: str = ""

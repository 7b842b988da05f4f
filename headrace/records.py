"""Facts worth keeping; the only source of metrics, statistics, logs and traces."""

from collections.abc import Callable, Sequence

import msgspec

from headrace.device_time import Share
from headrace.generation import StepFacts, Times, Usage
from headrace.types import BatchFacts, CacheFacts, ModelVersion, Tensor, VersionState


class RequestRecord(msgspec.Struct, frozen=True, gc=False):
    """One request, once it is answered; made by the gateway. Times are `Clock.now_ns`."""

    id: str
    model: str
    version: int | None  # None where no version was found
    protocol: str
    rows: int
    arrived_ns: int
    submitted_ns: int  # parsed, and handed to the model
    finished_ns: int
    batch: BatchFacts | None  # None where it was not run
    error: str = ""  # a code of `errors.py`, or empty
    trace: str = ""
    tenant: str = ""
    cache: CacheFacts | None = None  # None: the model has none, or it was not answered
    written_ns: int = 0  # the answer was made into bytes and handed to the connection; 0 where nobody looked
    admitted_ns: int = 0  # let in and queued; 0 where it was not, or was answered by then
    also: str = ""  # another id that its client knows it by
    embedded_tokens: int | None = None  # of its texts, where a language model made vectors of them
    tracestate: str = ""  # of its trace, as other programs left it


class BundleRecord(msgspec.Struct, frozen=True, gc=False):
    """Requests that were asked as one, once they are answered; made by the gateway. It says of each of them what a
    RequestRecord does, oldest first."""

    first: RequestRecord  # the others have their own ids and moments of arrival, and all else in common with it
    ids: Sequence[str]
    arrived_ns: Sequence[int]  # best in one piece: by the time that it is looked at, it is on no cache any more

    def request(self, place: int) -> RequestRecord:
        """One of them, as if it had been recorded alone."""
        first = self.first
        return RequestRecord(
            self.ids[place],
            first.model,
            first.version,
            first.protocol,
            first.rows,
            self.arrived_ns[place],
            first.submitted_ns,
            first.finished_ns,
            first.batch,
            first.error,
            first.trace,
            first.tenant,
            first.cache,
            first.written_ns,
            first.admitted_ns,
            first.also,
        )


class SampleRecord(msgspec.Struct, frozen=True, gc=False):
    """What one answered request held; made by the gateway of those that somebody wants to look into.

    The tensors are copies of their own: they may be kept. They never reach a log.
    """

    model: ModelVersion
    id: str  # of the request
    tenant: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    finished_ns: int  # `Clock.now_ns`
    batch: BatchFacts | None  # the very one of the requests that shared its run


class BatchRecord(msgspec.Struct, frozen=True, gc=False):
    """One run of a model; made by batching."""

    model: ModelVersion
    facts: BatchFacts
    error: str = ""
    predicted_ns: int = 0  # the time that it was to take at most; 0 where nobody predicted
    shares: tuple[Share, ...] = ()  # of `facts.device_ns`, by rows


class ShedRecord(msgspec.Struct, frozen=True, gc=False):
    """One request that was refused or dropped to keep others in time; made where it was decided."""

    model: ModelVersion
    tenant: str
    reason: str  # predicted (on arrival), impossible (even alone), late (once let in), queue, memory, rate, overload
    predicted_ns: int | None = None  # when its answer would have come, from arrival
    deadline_ns: int | None = None  # when it had to, from arrival


class CancelRecord(msgspec.Struct, frozen=True, gc=False):
    """One request whose caller left; made where it was withdrawn."""

    model: ModelVersion
    stage: str  # queued, running
    saved_ns: int = 0  # compute that was not spent on it, as predicted


class StepRecord(msgspec.Struct, frozen=True, gc=False):
    """One step of a language model's engine; made by `workers/engine_remote.py`."""

    model: ModelVersion
    facts: StepFacts
    device_ns: int = 0  # its part of the device's time, with what was not told of before
    shares: tuple[Share, ...] = ()  # of that, by tokens; none: it is told with a later step


class WorkRecord(msgspec.Struct, frozen=True, gc=False):
    """Something else that ran on the device: a model was loaded, warmed up or probed; made where that was done."""

    model: ModelVersion
    device_ns: int
    shares: tuple[Share, ...]  # of that, by time


class GenerationRecord(msgspec.Struct, frozen=True, gc=False):
    """One generation, once it ended; made by `workers/engine_remote.py`. Times are `Clock.now_ns`."""

    model: ModelVersion
    n: int  # choices asked for
    max_tokens: int | None
    usage: Usage  # of one that was cancelled, what was told until then
    times: Times
    finishes: tuple[str, ...]  # of each choice: stop, length, tool_calls; abort: the caller left; error: it was lost
    arrived_ns: int
    finished_ns: int
    longest: int = 0  # tokens of the longest choice
    id: str = ""  # of the request
    trace: str = ""
    first_due_ns: int | None = None  # when its first token was promised
    tpot_ns: int | None = None  # what was promised from one token to the next, on average
    chat: bool = False  # it goes on with a conversation, and not with a text


class ModelEvent(msgspec.Struct, frozen=True):
    """A version moved from one state to another; made by `models/reconcile.py`. `when_s` is Unix time."""

    model: str
    version: int | None
    state: VersionState
    reason: str
    when_s: float
    seconds: float = 0.0  # how long the move took
    cause: str = ""  # why it was made: asked for, changed files, ...
    goes_on: bool = False  # it was not loaded: what was there is all the same what answers, or is going to


class MirrorRecord(msgspec.Struct, frozen=True, gc=False):
    """One request that a version was asked besides the one that answered it; made by `traffic/`."""

    model: ModelVersion  # the one that was asked besides
    outcome: str  # same, differs, failed, dropped


class TrafficEvent(msgspec.Struct, frozen=True):
    """A split, a shadow or a rollout of a model began, moved or ended; made by `traffic/`. `when_s` is Unix time."""

    model: str
    version: int | None  # the one that is new by it
    what: str  # split, shadow, rollout
    state: str  # set, removed; started, resumed, step, done, rolled back
    reason: str
    when_s: float


class DriftEvent(msgspec.Struct, frozen=True):
    """A feature of a version left what it was like, or came back to it; made by `drift/`. Times are Unix time."""

    model: ModelVersion
    feature: str  # `X[2]`, `X~3`, `Y.entropy`, `latency`, ...
    side: str  # inputs, outputs, service, schema
    state: str  # alarm, quiet
    against: str  # reference (the rows that were first, or a file), previous (the version before)
    test: str  # that is farthest over its threshold
    ratio: float  # of its statistic to the threshold
    began_s: float  # when the first row of that window was answered
    when_s: float  # when its last one was


class WorkerEvent(msgspec.Struct, frozen=True):
    """A worker started, died, hung, or failed, dying again and again; made by `workers/`. `when_s` is Unix time."""

    model: ModelVersion
    instance: int
    what: str  # started, died, hung, failed
    reason: str
    when_s: float
    pid: int = 0
    variant: str = ""  # of whose instances it is one, where the model has several

    @property
    def worker(self) -> str:
        """Which of the version's workers it is."""
        return f"{self.variant}/{self.instance}" if self.variant else str(self.instance)


Record = (
    RequestRecord
    | BundleRecord
    | BatchRecord
    | ShedRecord
    | CancelRecord
    | StepRecord
    | WorkRecord
    | GenerationRecord
    | MirrorRecord
    | SampleRecord
    | ModelEvent
    | TrafficEvent
    | DriftEvent
    | WorkerEvent
)


Recorder = Callable[[Record], None]
"""Takes a record; returns at once and never raises."""


def discard(record: Record) -> None:
    """A Recorder that keeps nothing."""

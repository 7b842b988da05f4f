"""Asks a version what another has answered already: behind all callers, a few at a time, or not at all."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from headrace.clock import Clock
from headrace.errors import HeadraceError, InputRefused, Internal, WorkerLost
from headrace.records import MirrorRecord, Recorder
from headrace.servable import Servable
from headrace.traffic.difference import Difference, difference
from headrace.types import Context, ModelRef, ModelVersion, Request, Response, Tensor

MOST = 8
"""Requests of one model that are mirrored at once."""

MOST_BYTES = 64 << 20
"""Of the tensors of one request."""

LIMIT_NS = 10_000_000_000
"""For an answer; what has not run by then does not."""

LOWEST = 9
"""Of priorities."""

INLINE_BYTES = 1 << 20
"""Larger answers are compared by a thread."""

OWN_FAULTS = frozenset((Internal.code, WorkerLost.code, InputRefused.code))
"""Codes of errors that speak against a version, though it was asked behind all others."""

Find = Callable[[str, int], Servable | None]
"""What answers for a version of a model now."""


class Answered(msgspec.Struct, frozen=True):
    """What became of a request that was mirrored."""

    version: int
    failed: bool
    ns: int = 0  # from asking to the answer
    run_ns: int = 0  # as `run_alone_ns`
    served_ns: int = 0  # what the answer that the caller got took
    difference: Difference | None = None  # None: it failed


Told = Callable[[Answered | None], None]
"""Takes what became of it; None: it was dropped, for there was no room."""


class Original(msgspec.Struct, frozen=True):
    """A request and its answer, kept beyond their callback."""

    request: Request
    outputs: tuple[Tensor, ...]
    ns: int = 0  # that it took


class Mirror:
    """Copies of one model's requests. Owns how many are under way."""

    def __init__(self, name: str, find: Find, clock: Clock, record: Recorder) -> None:
        self._name = name
        self._find = find
        self._clock = clock
        self._record = record
        self._under_way = 0

    def has_room(self, request: Request, version: int) -> bool:
        """Whether the version would be asked now."""
        servable = self._find(self._name, version)
        size = sum(len(tensor.data) for tensor in request.inputs)
        return servable is not None and self._under_way < MOST and size <= MOST_BYTES and not servable.backlog().queued

    def drop(self, version: int, told: Told) -> None:
        """It is not asked."""
        self._record(MirrorRecord(ModelVersion(self._name, version), "dropped"))
        told(None)

    def send(self, original: Original, version: int, tolerance: float, told: Told) -> None:
        """Ask the version soon, once whoever is being answered has been, and tell what became of it."""
        self._clock.call_soon(lambda: self._ask(original, version, tolerance, told))

    def _ask(self, original: Original, version: int, tolerance: float, told: Told) -> None:
        servable = self._find(self._name, version)
        if servable is None or not self.has_room(original.request, version):
            self.drop(version, told)
            return
        began_ns, asked = self._clock.now_ns(), original.request
        context = Context(began_ns, "mirror", began_ns + LIMIT_NS, LOWEST, tenant=asked.context.tenant)
        model = ModelRef(self._name, version)
        request = msgspec.structs.replace(asked, model=model, context=context)
        self._under_way += 1
        waiting = True

        def reply(answer: Response | HeadraceError) -> None:
            nonlocal waiting
            if not waiting or (isinstance(answer, Response) and not answer.final):
                return
            waiting = False
            self._under_way -= 1
            self._answered(original, answer, version, self._clock.now_ns() - began_ns, tolerance, told)

        servable.submit(request, reply)

    def _answered(
        self,
        original: Original,
        answer: Response | HeadraceError,
        version: int,
        ns: int,
        tolerance: float,
        told: Told,
    ) -> None:
        if isinstance(answer, HeadraceError):
            if answer.code not in OWN_FAULTS:  # there was no room after all
                self.drop(version, told)
                return
            self._record(MirrorRecord(ModelVersion(self._name, version), "failed"))
            told(Answered(version, failed=True))
            return
        run_ns = run_alone_ns(answer)

        def compared(found: Difference) -> None:
            outcome = "differs" if found.beyond else "same"
            self._record(MirrorRecord(ModelVersion(self._name, version), outcome))
            told(Answered(version, False, ns, run_ns, original.ns, found))

        if sum(len(tensor.data) for tensor in answer.outputs) <= INLINE_BYTES:
            compared(difference(original.outputs, answer.outputs, tolerance))
        else:
            _aside(original.outputs, copied(answer.outputs), tolerance, compared)


def run_alone_ns(answer: Response) -> int:
    """How long the run took that computed it alone; 0 where others were in it, it was kept, or nobody knows."""
    facts = answer.batch
    if facts is None or facts.requests != 1:
        return 0
    return facts.input_ns + facts.infer_ns + facts.output_ns


def copied(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Tensors that stay as they are, whatever becomes of the memory that these lie in."""
    return tuple(msgspec.structs.replace(tensor, data=bytes(tensor.data)) for tensor in tensors)


def _aside(
    served: Sequence[Tensor], other: Sequence[Tensor], tolerance: float, compared: Callable[[Difference], None]
) -> None:
    comparing = asyncio.get_running_loop().run_in_executor(None, difference, served, other, tolerance)
    comparing.add_done_callback(lambda done: None if done.cancelled() else compared(done.result()))

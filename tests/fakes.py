"""Stand-ins whose time and answers the test decides."""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import from_array, to_array
from headrace.batching.instance import Done, Outcome, Work
from headrace.clock import Timer
from headrace.errors import HeadraceError, WorkerLost
from headrace.types import (
    FREE,
    BatchAxis,
    Context,
    ModelRef,
    Request,
    Response,
    Shape,
    Signature,
    Tensor,
    TensorSpec,
)


class FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """Time that stands still until it is told to pass."""

    epoch_ns = 1_700_000_000_000_000_000

    def __init__(self) -> None:
        self.time_ns = 1_000_000_000
        self._timers: list[tuple[int, int, FakeTimer]] = []
        self._count = 0

    def now_ns(self) -> int:
        return self.time_ns

    def call_at(self, when_ns: int, callback: Callable[[], None]) -> Timer:
        timer = FakeTimer(callback)
        self._count += 1
        heappush(self._timers, (when_ns, self._count, timer))
        return timer

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        return self.call_at(self.time_ns, callback)

    def pass_ms(self, milliseconds: float = 0.0) -> None:
        """Let time pass; what is due is called in order."""
        until_ns = self.time_ns + int(milliseconds * 1e6)
        while self._timers and self._timers[0][0] <= until_ns:
            when_ns, _, timer = heappop(self._timers)
            self.time_ns = max(self.time_ns, when_ns)
            if timer.callback:
                timer.callback()
        self.time_ns = until_ns


class FakeInstance:
    """Keeps the batches that it is handed until the test says what became of them."""

    def __init__(self) -> None:
        self.ready = True
        self.failure = ""
        self.handed: list[tuple[Work, Done]] = []
        self.changed: Callable[[], None] = lambda: None
        self.learned: Callable[[Signature], None] = lambda signature: None
        self.gave_up: Callable[[], None] = lambda: None

    @property
    def running(self) -> int:
        return len(self.handed)

    def run(self, work: Work, done: Done) -> None:
        self.handed.append((work, done))

    def on_change(
        self, changed: Callable[[], None], learned: Callable[[Signature], None], gave_up: Callable[[], None]
    ) -> None:
        self.changed, self.learned, self.gave_up = changed, learned, gave_up

    async def close(self) -> None:
        self.ready = False

    def die(self) -> None:
        """What it was running is lost, and what it had not begun; it takes nothing until it is back."""
        self.ready = False
        while self.handed:
            _, done = self.handed.pop()
            done(Outcome(error=WorkerLost("gone"), lost=True, ran=not self.handed))

    def give_up(self, why: str) -> None:
        """It could not be made ready again."""
        self.failure = why
        self.gave_up()

    def come_back(self) -> None:
        self.ready = True
        self.changed()

    def finish(self, outcome: Outcome | None = None, infer_ms: float = 10.0) -> None:
        """The first batch ends; without an outcome each output is its input, doubled."""
        work, done = self.handed.pop(0)
        if outcome is None:
            outcome = Outcome(doubled(work), infer_ns=int(infer_ms * 1e6))
        done(outcome)


def doubled(work: Work) -> tuple[Tensor, ...]:
    tensors = []
    for rows in work.inputs:
        array = to_array(Tensor(rows.name, rows.datatype, rows.shape, b"".join(rows.parts)))
        tensors.append(from_array(rows.name.replace("x", "y"), np.add(array, array)))
    return tuple(tensors)


class Got:
    """A reply that remembers; the data is copied, since it is valid only during the call."""

    def __init__(self) -> None:
        self.answers: list[Response | HeadraceError] = []
        self.arrays: dict[str, list[object]] = {}

    def __call__(self, answer: Response | HeadraceError) -> None:
        self.answers.append(answer)
        if isinstance(answer, Response):
            self.arrays = {tensor.name: to_array(tensor).tolist() for tensor in answer.outputs}

    @property
    def error(self) -> str:
        """The code of the error that came, or empty."""
        (answer,) = self.answers
        return answer.code if isinstance(answer, HeadraceError) else ""

    @property
    def response(self) -> Response:
        (answer,) = self.answers
        assert isinstance(answer, Response), answer
        return answer


def signature(
    shape: Shape = (FREE, 2), max_size: int = 4, batched: bool = True, pending: bool = False, datatype: str = "FP32"
) -> Signature:
    """One input `x`, one output `y` of the same shape."""
    return Signature(
        inputs=(TensorSpec("x", datatype, shape),),
        outputs=(TensorSpec("y", datatype, shape),),
        batch=BatchAxis(batched, max_size if batched else 1, pending=pending),
        platform="fake",
        runtime="fake",
    )


def request(
    rows: Sequence[object] | NDArray[np.generic],
    name: str = "x",
    deadline_ns: int | None = None,
    outputs: tuple[str, ...] = (),
) -> Request:
    """A request for model `m` with one FP32 input."""
    array = np.array(rows, dtype=np.float32)
    context = Context(0, "test", deadline_ns)
    return Request("id", ModelRef("m"), (from_array(name, array),), outputs, {}, context)

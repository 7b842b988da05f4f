"""A request of more rows than a run may have goes to its model a part at a time: others have their turns between two.

In one piece it would hold an instance for as long as all of its rows take, whoever waits behind it with however little.
Parts begin as large as a run may be, and grow while they are brief: of many small ones it is handing them over that
takes the time.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from headrace.batching.check import Check
from headrace.batching.refusals import too_late, would_be_late
from headrace.clock import Clock
from headrace.errors import HeadraceError, InputRefused, ModelUnavailable
from headrace.records import Recorder, ShedRecord
from headrace.servable import Cancel, Reply, Servable, Together, Whole, foresee, together, wholeness
from headrace.types import (
    Backlog,
    BatchFacts,
    Context,
    ModelVersion,
    Objective,
    Request,
    Response,
    Signature,
    Tensor,
)

FORGET = 0.8
"""Of what rows took, with each request that is refused for it."""

BRIEF_NS, LONG_NS = 10_000_000, 40_000_000
"""Of a part's run: the next has twice as many rows, or half of them."""


class PartedModel:
    """Owns requests that are answered in parts, until their last; what is asked otherwise goes on to the model."""

    def __init__(
        self, version: ModelVersion, model: Servable, record: Recorder, clock: Clock, objective: Objective
    ) -> None:
        self._version = version
        self._model = model
        self._record = record
        self._clock = clock
        self._objective = objective
        self._check: tuple[Signature, Check] | None = None
        self._under_way: set[_Parts] = set()
        self._row_ns = 0.0  # of the last that was answered in parts
        self._refusal: HeadraceError | None = None  # once it takes nothing new
        self._idle: asyncio.Event | None = None  # once somebody waits for the last of them

    @property
    def signature(self) -> Signature:
        return self._model.signature

    def submit(self, request: Request, reply: Reply) -> Cancel:
        if self._refusal is not None:
            reply(self._refusal)
            return _nothing
        rows = self._too_many(request)
        if not rows:
            return self._model.submit(request, reply)
        context = request.context
        due_ns = self._objective.due_ns(context.arrived_ns, context.deadline_ns)
        if due_ns is not None and self._row_ns:
            now_ns = self._clock.now_ns()
            late_ns = now_ns + rows * self._row_ns - due_ns
            if late_ns > 0.0:
                self._row_ns *= FORGET  # who refuses all learns nothing
                reply(self._late(context, due_ns, late_ns))
                return _nothing
        parts = _Parts(self, request, rows, due_ns, reply)
        self._under_way.add(parts)
        parts.ask()
        return parts.cancel

    def foresee(self, context: Context) -> HeadraceError | None:
        """As the model foresees it."""
        return foresee(self._model, context)

    def together(self) -> Together:
        """As the model takes them."""
        return together(self._model)

    @property
    def whole(self) -> Whole | None:
        """As the model is."""
        return wholeness(self._model)

    def backlog(self) -> Backlog:
        return self._model.backlog()

    async def drain(self) -> None:
        self._refusal = ModelUnavailable(f"model {self._version} is being unloaded")
        if self._under_way:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()
        await self._model.drain()

    async def close(self) -> None:
        self._refusal = ModelUnavailable(f"model {self._version} was unloaded")
        await self._model.close()  # which answers the part that each of them waits for
        for parts in tuple(self._under_way):
            parts.end(self._refusal)

    # ---- for those under way

    @property
    def model(self) -> Servable:
        return self._model

    @property
    def clock(self) -> Clock:
        return self._clock

    def ended(self, parts: "_Parts", row_ns: float) -> None:
        """One has been answered; of one that is whole, what its rows took each."""
        self._under_way.discard(parts)
        self._row_ns = row_ns or self._row_ns
        if self._idle is not None and not self._under_way:
            self._idle.set()

    # ---- in

    def _too_many(self, request: Request) -> int:
        """The rows of a request that has more than a run may have and is right; else 0."""
        signature = self._model.signature
        batch = signature.batch
        if not batch.batched or batch.pending or request.bundle is not None or not request.inputs:
            return 0
        shape = request.inputs[0].shape
        if not shape or shape[0] <= batch.max_size or any(each.datatype == "BYTES" for each in request.inputs):
            return 0  # texts have no places that can be told from their number
        if self._check is None or self._check[0] is not signature:
            self._check = signature, Check(signature)
        try:
            return self._check[1](request).rows
        except HeadraceError:
            return 0  # the model says what is wrong

    def _late(self, context: Context, due_ns: int, late_ns: float) -> HeadraceError:
        deadline_ns = due_ns - context.arrived_ns
        predicted_ns = deadline_ns + late_ns
        self._record(ShedRecord(self._version, context.tenant, "predicted", int(predicted_ns), deadline_ns))
        return would_be_late(self._version, predicted_ns, deadline_ns, max(0.001, late_ns / 1e9))


class _Parts:
    """One request: the part that is asked, and what came of those before it."""

    def __init__(self, whose: PartedModel, request: Request, rows: int, due_ns: int | None, reply: Reply) -> None:
        self._whose = whose
        self._request = request
        self._rows = rows
        self._due_ns = due_ns
        self._reply = reply
        self._size = whose.signature.batch.max_size
        self._done = 0  # rows
        self._asked = 0  # rows of the part that is asked
        self._began_ns = whose.clock.now_ns()
        self._answers: list[Response] = []
        self._cancel: Cancel = _nothing
        self._over = False

    def ask(self) -> None:
        """The next part."""
        if self._over:
            return
        self._asked = min(self._size, self._rows - self._done)
        first, last = self._done, self._done + self._asked
        inputs = tuple([_rows_of(each, self._rows, first, last) for each in self._request.inputs])
        context = self._request.context
        if self._answers and (batch := self._answers[0].batch) is not None and batch.variant:
            context = msgspec.structs.replace(context, variant=batch.variant)  # as those before
        part = msgspec.structs.replace(self._request, inputs=inputs, context=context)
        self._cancel = self._whose.model.submit(part, self._answered)

    def cancel(self) -> None:
        if not self._over:
            self._finish(0.0)
            self._cancel()

    def end(self, answer: Response | HeadraceError, row_ns: float = 0.0) -> None:
        """Answer it, once."""
        if not self._over:
            self._finish(row_ns)
            self._reply(answer)

    def _finish(self, row_ns: float) -> None:
        self._over = True
        self._whose.ended(self, row_ns)

    def _answered(self, answer: Response | HeadraceError) -> None:
        if self._over:
            return
        if isinstance(answer, HeadraceError):
            self.end(answer)
            return
        outputs = tuple([msgspec.structs.replace(each, data=bytes(each.data)) for each in answer.outputs])
        self._answers.append(msgspec.structs.replace(answer, outputs=outputs))
        self._done += self._asked
        now_ns = self._whose.clock.now_ns()
        row_ns = (now_ns - self._began_ns) / self._done
        if self._done == self._rows:
            self.end(_joined(self._answers), row_ns)
        elif self._due_ns is not None and now_ns + (self._rows - self._done) * row_ns > self._due_ns:
            self.end(self._too_late(now_ns, row_ns))
        else:
            self._size = _next_size(self._size, self._whose.signature.batch.max_size, answer.batch)
            self._whose.clock.call_soon(self.ask)

    def _too_late(self, now_ns: int, row_ns: float) -> HeadraceError:
        arrived_ns, left = self._request.context.arrived_ns, self._rows - self._done
        predicted_ms, deadline_ms = (
            (now_ns + left * row_ns - arrived_ns) / 1e6,
            ((self._due_ns or 0) - arrived_ns) / 1e6,
        )
        done = f"{self._done} of {self._rows} rows were computed after {(now_ns - arrived_ns) / 1e6:.1f} ms"
        return too_late(done, predicted_ms, deadline_ms)


def _next_size(size: int, least: int, facts: BatchFacts | None) -> int:
    took_ns = LONG_NS if facts is None else facts.infer_ns
    if took_ns < BRIEF_NS:
        return 2 * size
    return max(least, size // 2) if took_ns > LONG_NS else size


def _rows_of(tensor: Tensor, rows: int, first: int, last: int) -> Tensor:
    """Some of its rows, where they lie."""
    width = len(tensor.data) // rows
    data = memoryview(tensor.data)[first * width : last * width]
    return Tensor(tensor.name, tensor.datatype, (last - first, *tensor.shape[1:]), data)


def _joined(answers: Sequence[Response]) -> Response | HeadraceError:
    """What the parts gave, as if it had been one run."""
    outputs: list[Tensor] = []
    for pieces in zip(*[answer.outputs for answer in answers], strict=True):
        name, tails = pieces[0].name, {tuple(each.shape[1:]) for each in pieces}
        if len(tails) > 1:
            sizes = ", ".join(sorted(str(list(tail)) for tail in tails))
            return InputRefused(f"output {name!r} of its parts differs in shape: {sizes}; ask for fewer rows at a time")
        rows = sum(each.shape[0] for each in pieces)
        data = b"".join([each.data for each in pieces])
        outputs.append(Tensor(name, pieces[0].datatype, (rows, *pieces[0].shape[1:]), data))
    facts = [answer.batch for answer in answers if answer.batch is not None]
    batch = None
    if facts:
        batch = msgspec.structs.replace(
            facts[0],
            rows=max(each.rows for each in facts),
            input_ns=sum(each.input_ns for each in facts),
            infer_ns=sum(each.infer_ns for each in facts),
            output_ns=sum(each.output_ns for each in facts),
            device_ns=sum(each.device_ns for each in facts),
        )
    return msgspec.structs.replace(
        answers[0],
        outputs=tuple(outputs),
        batch=batch,
        device_ns=sum(answer.device_ns for answer in answers),
        rows=sum(answer.rows for answer in answers),
    )


def _nothing() -> None:
    """The cancel of a request that is already answered."""

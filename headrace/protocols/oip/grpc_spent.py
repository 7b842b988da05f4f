"""The trailers of an inference's answer: its id, its time, and what that costs."""

from headrace.clock import Clock
from headrace.errors import HeadraceError
from headrace.generation import Generated
from headrace.protocols.grpc.method import NOTHING_ALIKE, Alike, Metadata
from headrace.protocols.grpc.status import alike, headers
from headrace.protocols.request_id import HEADER, shown
from headrace.protocols.spent import COST, cache_metadata, cost, generation_headers, queue_metadata, run_metadata
from headrace.types import BatchFacts, Response


class Spent:
    """Knows what was said of the latest run: the requests that shared it are answered one after another."""

    def __init__(self, clock: Clock, usd_per_ns: float = 0.0) -> None:
        self._clock = clock
        self._usd_per_ns = usd_per_ns  # 0: nothing is said of costs
        self._run: BatchFacts | None = None
        self._said = NOTHING_ALIKE  # of that run

    def trailers(self, answer: Response | HeadraceError, id_: str, arrived_ns: int) -> tuple[Metadata, Alike]:
        """Those of the request with this id that arrived then, and those of all that shared its run."""
        named = (HEADER, shown(id_))
        if isinstance(answer, HeadraceError):
            return (named,), NOTHING_ALIKE
        batch = answer.batch
        if batch is None:
            return (*self._of_one(answer, arrived_ns), *self._more(answer), named), NOTHING_ALIKE
        said = self._of_run(batch)
        waited = queue_metadata(batch, arrived_ns)
        if self._usd_per_ns or answer.cache is not None:
            return (waited, *self._more(answer), named), said
        return (waited, named), said

    def alike(self, answer: Response) -> bytes | None:
        """As headers, those that all have who are answered alike: but for the time that each waited, and its id. None
        for an answer that is not."""
        batch = answer.batch
        if batch is None or answer.cache is not None:
            return None
        return self._of_run(batch).block + headers(self._more(answer))

    def _of_run(self, batch: BatchFacts) -> Alike:
        if batch is not self._run:
            self._run, self._said = batch, alike(run_metadata(batch))
        return self._said

    def _of_one(self, answer: Response, arrived_ns: int) -> Metadata:
        """Of an answer that shared no run."""
        if not isinstance(answer.result, Generated):
            return ()
        elapsed_ns = self._clock.now_ns() - arrived_ns
        return tuple(generation_headers(answer.result, elapsed_ns, ended=True).items())

    def _more(self, answer: Response) -> Metadata:
        cached = [(COST, cost(answer.device_ns, self._usd_per_ns))] if self._usd_per_ns else []
        return cached if answer.cache is None else [*cached, *cache_metadata(answer.cache)]

"""One second of one model while it is counted; it becomes a row of numbers once it is over."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from headrace.alike import Alike
from headrace.changes.slots import ROW_BUCKETS, SAMPLES, TENANTS, WIDTH, Of
from headrace.records import GenerationRecord, RequestRecord
from headrace.request_list import each_at, errors_of

LOOKED_INTO = 32
"""Requests of one lot that are looked into at least; of more, one in so many."""

ONE_IN = 8
"""Of so many requests one is looked into at least, however large a lot is."""

_LATE = frozenset(("queue_full", "would_be_late", "rate_limited", "deadline_exceeded"))
_SERVER = frozenset(("internal", "worker_lost", "model_unavailable", "model_invalid", "memory_full", "unavailable"))
_NOT_COUNTED = frozenset(("cancelled", "draining"))
"""The caller left, or the server ends: neither says anything of the model."""


def are_plain(group: Alike) -> bool:
    """All were run, are of one tenant and have equally many rows."""
    uniform = len(group.sizes) == len(group.tenants) == 1 and not group.error
    return uniform and len(group.waited_ns) == len(group.requests)


class Second:
    """Counts what happened to one model in one second."""

    __slots__ = (
        "_answer",
        "_batch_rows",
        "_busy_ns",
        "_compute_ns",
        "_counts",
        "_generations",
        "_looked",
        "_prompt",
        "_queue_ns",
        "_rows",
        "_runs",
        "_taken",
        "_versions",
        "second",
        "tenants",
    )

    def __init__(self, second: int) -> None:
        self.second = second
        self._counts = [0, 0, 0, 0]  # as the first columns
        self._taken: list[int] = []  # latencies of requests that were looked into
        self._rows: list[int] = []  # of the same requests
        self._versions: list[int] = []
        self.tenants: Counter[str] = Counter()
        self._queue_ns = self._compute_ns = self._looked = 0
        self._busy_ns = self._runs = self._batch_rows = 0
        self._generations = 0
        self._prompt = self._answer = 0.0

    def add_requests(self, requests: Sequence[RequestRecord]) -> None:
        counts = self._counts
        counts[0] += len(requests)
        if failed := errors_of(requests):
            for code in failed:
                if code in _NOT_COUNTED:
                    counts[0] -= 1
                else:
                    counts[3 if code in _LATE else 2 if code in _SERVER else 1] += 1
            requests = [request for request in requests if not request.error]
        self._look_into(each_at(requests, range(0, len(requests), _one_in(len(requests)))))

    def add_alike(self, group: Alike, which: slice) -> None:
        """The same of some of these, one after another, none of which has to be looked at (`are_plain`)."""
        (rows,), (tenant,), times = group.sizes, group.tenants, group.stages
        took, waited = group.took_ns[which], group.waited_ns[which]
        one_in = _one_in(len(took))
        taken, waited = took[::one_in], waited[::one_in]
        self._counts[0] += len(took)
        self._taken += taken
        self._rows += [rows] * len(taken)
        self._versions += [group.version or 0] * len(taken)
        self.tenants[tenant] += len(taken)
        self._looked += len(waited)
        self._queue_ns += sum(waited)
        self._compute_ns += (times.input_ns + times.infer_ns + times.output_ns) * len(waited) // times.count

    def add_runs(self, rows: Sequence[int], took_ns: Sequence[int]) -> None:
        """The rows of each, and how long it took."""
        self._runs += len(rows)
        self._batch_rows += sum(rows)
        self._busy_ns += sum(took_ns)

    def add_step(self, seconds: float, sequences: int) -> None:
        """Of a language model's engine."""
        self._runs += 1
        self._batch_rows += sequences
        self._busy_ns += int(seconds * 1e9)

    def add_generation(self, record: GenerationRecord) -> None:
        self._generations += 1
        self._prompt += log(max(1, record.usage.prompt_tokens))
        self._answer += log(max(1, record.usage.completion_tokens))

    def row(self, version: Callable[[int], int], tenant: Callable[[str], int]) -> NDArray[np.float32]:
        """Its columns; `version` and `tenant` give the index of each."""
        made = np.full(WIDTH, np.nan, np.float32)
        made[: Of.MIDDLE] = self._counts
        made[Of.BUSY], made[Of.RUNS] = self._busy_ns / 1e9, self._runs
        made[Of.FIRST : Of.SAMPLE] = 0
        made[Of.FIRST] = made[Of.SECOND] = -1
        if self._runs:
            made[Of.BATCH] = self._batch_rows / self._runs
        if self._generations:
            made[Of.PROMPT] = self._prompt / self._generations
            made[Of.ANSWER] = self._answer / self._generations
        if self._taken:
            self._fill(made, version, tenant)
        return made

    def _look_into(self, requests: Iterable[tuple[RequestRecord, str, int]]) -> None:
        """As `each_at` has them."""
        taken, rows, versions, tenants = self._taken, self._rows, self._versions, list[str]()
        for request, _, arrived_ns in requests:
            taken.append(request.finished_ns - arrived_ns)
            rows.append(request.rows)
            versions.append(request.version or 0)
            tenants.append(request.tenant)
            if (run := request.batch) is not None:
                self._looked += 1
                waited_ns = run.started_ns - request.submitted_ns
                self._queue_ns += waited_ns if waited_ns > 0 else 0
                self._compute_ns += run.input_ns + run.infer_ns + run.output_ns
        self.tenants.update(tenants)

    def _fill(self, made: NDArray[np.float32], version: Callable[[int], int], tenant: Callable[[str], int]) -> None:
        """The columns of requests that were looked into."""
        taken = np.maximum(np.array(self._taken, np.float64), 1)
        logs = np.log(taken)
        ranked = sorted(logs.tolist())
        made[Of.MIDDLE], made[Of.TAIL] = _quantile(ranked, 0.5), _quantile(ranked, 0.9)
        if self._looked:
            made[Of.QUEUE] = self._queue_ns / self._looked
            made[Of.COMPUTE] = self._compute_ns / self._looked
        rows = np.log2(np.maximum(np.array(self._rows), 1))
        made[Of.ROWS] = rows.mean()
        buckets = np.minimum(rows.astype(np.int64), ROW_BUCKETS - 1)
        made[Of.BUCKETS : Of.BUCKET_LOGS] = np.bincount(buckets, minlength=ROW_BUCKETS)
        made[Of.BUCKET_LOGS : Of.TENANT] = np.bincount(buckets, logs, minlength=ROW_BUCKETS)
        for name, count in self.tenants.items():
            made[Of.TENANT + min(tenant(name), TENANTS - 1)] += count
        versions = np.array(self._versions)
        for place, (number, count) in zip((Of.FIRST, Of.SECOND), Counter(self._versions).most_common(2), strict=False):
            made[place : place + 3] = version(number), count, logs[versions == number].sum()
        step = max(1, len(taken) // SAMPLES)
        kept = taken[::step][:SAMPLES]
        made[Of.SAMPLE : Of.SAMPLE + len(kept)] = kept


def _one_in(requests: int) -> int:
    """Of so many, of how many one is looked into."""
    return max(1, min(requests // LOOKED_INTO, ONE_IN))


def _quantile(ranked: Sequence[float], of: float) -> float:
    """Between the two nearest of values that ascend."""
    place = of * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)

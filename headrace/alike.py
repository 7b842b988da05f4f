"""Requests and runs that are counted alike, put together once for all who count them.

By the time that records are handed on they are on no cache any more: what is asked of each is asked here, so that who
counts need not look at it again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import cast

import msgspec

from headrace.records import BatchRecord, BundleRecord, GenerationRecord, Record, RequestRecord
from headrace.request_list import Opened, Part, RequestList
from headrace.types import BatchFacts, ModelVersion

_OF = attrgetter("model", "version", "protocol", "error")
_BATCH = attrgetter("batch")
_MODEL = attrgetter("model")
_ROWS = attrgetter("rows")
_TENANT = attrgetter("tenant")


class Alike(msgspec.Struct, frozen=True, gc=False):
    """Requests of one version, asked for in one way, that ended alike; at least one, oldest first."""

    model: str
    version: int | None  # None where no version was found
    protocol: str
    error: str  # a code of `errors.py`, or empty
    requests: Sequence[RequestRecord]
    took_ns: Sequence[int]  # of each, from its arrival to its end
    waited_ns: Sequence[int]  # of each that was run, for that
    runs: Sequence[tuple[BatchFacts, int]]  # that they were in, and how many of them
    rows: int  # of all
    tenants: Counter[str]  # how many of them are whose
    traced: Sequence[RequestRecord]  # those of them that have a trace
    cached: Sequence[RequestRecord]  # whose model has a response cache


class Runs(msgspec.Struct, frozen=True, gc=False):
    """Runs of one version; at least one, oldest first."""

    model: ModelVersion
    records: Sequence[BatchRecord]


class Lot(msgspec.Struct, frozen=True, gc=False):
    """What was answered in a while, oldest first, and the same put together."""

    requests: Sequence[RequestRecord] = ()
    alike: Sequence[Alike] = ()  # in the order in which the first of each came
    runs: Sequence[Runs] = ()
    generations: Sequence[GenerationRecord] = ()


COUNTED = frozenset((RequestRecord, BundleRecord, BatchRecord, GenerationRecord))
"""Records that a lot is made of."""


def lot_of(records: Iterable[Record]) -> Lot:
    """Those of them that are counted."""
    requests: list[Part] = []
    runs: list[BatchRecord] = []
    generations: list[GenerationRecord] = []
    for record in records:
        if type(record) is RequestRecord:
            requests.append(record)
        elif type(record) is BundleRecord:
            requests.append(Opened(record))
        elif type(record) is BatchRecord:
            runs.append(record)
        elif type(record) is GenerationRecord:
            generations.append(record)
    return Lot(_listed(requests), _alike(requests), _by_version(runs), generations)


def _listed(parts: list[Part]) -> Sequence[RequestRecord]:
    """As they are where each was asked alone."""
    return RequestList(parts) if any(type(part) is Opened for part in parts) else cast(list[RequestRecord], parts)


def _alike(requests: Sequence[Part]) -> list[Alike]:
    found: defaultdict[tuple[str, int | None, str, str], list[Part]] = defaultdict(list)
    for of, each in groupby(requests, _OF):  # mostly they are all alike
        found[of].extend(each)
    return [_with_bundles(of, _listed(parts)) for of, parts in found.items()]


def _with_bundles(of: tuple[str, int | None, str, str], requests: Sequence[RequestRecord]) -> Alike:
    """Bundles among them are counted whole: none of their requests is traced, or of a model with a cache."""
    if not isinstance(requests, RequestList):
        return _together(*of, requests)
    alone = _together(*of, [part for part in requests.parts if not isinstance(part, Opened)])
    took_alone_ns, took_ns = iter(alone.took_ns), list[int]()
    waited_ns, runs, rows, tenants = [*alone.waited_ns], [*alone.runs], alone.rows, alone.tenants
    for part in requests.parts:
        if not isinstance(part, Opened):
            took_ns.append(next(took_alone_ns))
            continue
        first, number = part.bundle.first, len(part)
        finished_ns, batch = first.finished_ns, first.batch
        took_ns += [finished_ns - arrived_ns for arrived_ns in part.bundle.arrived_ns]
        if batch is not None:
            waited_ns += [max(0, batch.started_ns - first.submitted_ns)] * number
            runs.append((batch, number))
        rows += number * first.rows
        tenants[first.tenant] += number
    return msgspec.structs.replace(
        alone, requests=requests, took_ns=took_ns, waited_ns=waited_ns, runs=runs, rows=rows, tenants=tenants
    )


def _together(model: str, version: int | None, protocol: str, error: str, requests: Sequence[RequestRecord]) -> Alike:
    return Alike(
        model,
        version,
        protocol,
        error,
        requests,
        [request.finished_ns - request.arrived_ns for request in requests],
        _waited_ns(requests),
        # those of a run end one after another
        [(run, len(list(each))) for run, each in groupby(requests, _BATCH) if run is not None],
        sum(map(_ROWS, requests)),
        Counter(map(_TENANT, requests)),
        [request for request in requests if request.trace],
        [request for request in requests if request.cache],
    )


def _waited_ns(requests: Sequence[RequestRecord]) -> list[int]:
    """One may be taken before it is let in."""
    waited = [request.batch.started_ns - request.submitted_ns for request in requests if request.batch]
    return waited if not waited or min(waited) >= 0 else [max(0, each) for each in waited]


def _by_version(runs: Sequence[BatchRecord]) -> list[Runs]:
    found: defaultdict[ModelVersion, list[BatchRecord]] = defaultdict(list)
    for model, each in groupby(runs, _MODEL):
        found[model].extend(each)
    return [Runs(model, each) for model, each in found.items()]

"""Finished requests as spans: a request's own, one for each of its phases, and one for a run that several shared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from headrace.observe.phases import Phase, phases
from headrace.records import GenerationRecord, RequestRecord
from headrace.types import BatchFacts

Attribute = str | int | float | bool | Sequence[str]

_PROVIDER = "headrace"


class Place(NamedTuple):
    """Where a span is: its trace, and its own id in it."""

    trace_id: int
    span_id: int


class Span(NamedTuple):
    """One stretch of time; times are Unix nanoseconds."""

    name: str
    place: Place
    parent_id: int  # 0: it has none
    remote_parent: bool  # of another process
    server: bool  # a request that came in
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute]
    links: Sequence[Place] = ()
    error: str = ""
    tracestate: str = ""


class Kept(NamedTuple):
    """A request whose trace is wanted."""

    record: RequestRecord
    slow: bool = False
    generation: GenerationRecord | None = None


class SpanMaker:
    """Makes the spans of requests that were finished about together: those of one run must come in one lot."""

    def __init__(self, epoch_ns: int, random_bits: Callable[[int], int]) -> None:
        """`epoch_ns` is Unix time when the clock was 0."""
        self._epoch_ns = epoch_ns
        self._random_bits = random_bits

    def spans(self, lot: Sequence[Kept]) -> list[Span]:
        """All spans of them, each after its parent."""
        made: list[Span] = []
        shared: dict[int, Place] = {}  # where the span of a run is, by the identity of its facts
        for kept in lot:
            request = self._request(kept)
            made.append(request)
            batch = kept.record.batch
            if batch is not None and id(batch) not in shared:
                shared[id(batch)] = self._new(request.place.trace_id)
            made += self._phases(kept, request.place, shared)
        places = {id(kept.record): span.place for kept, span in zip(lot, _requests(made), strict=True)}
        return [*made, *self._runs(lot, places, shared)]

    def _request(self, kept: Kept) -> Span:
        record = kept.record
        trace = record.trace
        place = self._new(int(trace[3:35], 16) if trace else self._id(128))
        parent_id = int(trace[36:52], 16) if trace else 0
        end_ns = record.written_ns or record.finished_ns
        return Span(
            f"infer {record.model}" if record.version is not None else "infer",
            place,
            parent_id,
            bool(parent_id),
            True,
            record.arrived_ns + self._epoch_ns,
            end_ns + self._epoch_ns,
            _attributes(kept),
            error=record.error,
            tracestate=record.tracestate,
        )

    def _phases(self, kept: Kept, above: Place, shared: Mapping[int, Place]) -> Iterator[Span]:
        batch = kept.record.batch
        for phase in phases(kept.record, kept.generation):
            if phase.name == "batch":
                continue  # it is everybody's
            links = (shared[id(batch)],) if batch is not None and phase.name == "compute" else ()
            yield self._inner(phase, kept.record, above, {}, links)

    def _runs(self, lot: Sequence[Kept], places: Mapping[int, Place], shared: Mapping[int, Place]) -> Iterator[Span]:
        """A span for each run, below the first of its members and linked to all that are kept."""
        members: dict[int, list[RequestRecord]] = {}
        for kept in lot:
            if kept.record.batch is not None:
                members.setdefault(id(kept.record.batch), []).append(kept.record)
        for key, records in members.items():
            first, batch = records[0], records[0].batch
            assert batch is not None
            phase = next(each for each in phases(first) if each.name == "batch")
            links = [places[id(record)] for record in records]
            run = self._inner(phase, first, links[0], _run_attributes(first, batch), links)
            yield run._replace(place=shared[key])

    def _inner(
        self,
        phase: Phase,
        of: RequestRecord,
        above: Place,
        attributes: Mapping[str, Attribute],
        links: Sequence[Place],
    ) -> Span:
        start_ns, end_ns = phase.start_ns + self._epoch_ns, phase.end_ns + self._epoch_ns
        place = self._new(above.trace_id)
        return Span(
            phase.name, place, above.span_id, False, False, start_ns, end_ns, attributes, links, "", of.tracestate
        )

    def _new(self, trace_id: int) -> Place:
        return Place(trace_id, self._id(64))

    def _id(self, bits: int) -> int:
        return self._random_bits(bits) or 1  # 0 means that there is none


def _requests(spans: Sequence[Span]) -> Iterator[Span]:
    return (span for span in spans if span.server)


def _attributes(kept: Kept) -> dict[str, Attribute]:
    record = kept.record
    found: dict[str, Attribute] = {
        "headrace.request.id": record.id,
        "headrace.model": record.model,
        "headrace.version": record.version if record.version is not None else "",
        "headrace.protocol": record.protocol,
        "headrace.tenant": record.tenant,
        "headrace.rows": record.rows,
        "headrace.code": record.error or "ok",
        "headrace.slow": kept.slow,
    }
    if record.error:
        found["error.type"] = record.error
    if record.cache is not None:
        found["headrace.cache"] = "hit" if record.cache.hit else "miss"
    if kept.generation is not None:
        found |= _generation_attributes(kept.generation)
    elif record.embedded_tokens is not None:
        found |= _language_attributes("embeddings", record.model, record.version, record.embedded_tokens)
    return {name: value for name, value in found.items() if value != ""}


def _run_attributes(record: RequestRecord, batch: BatchFacts) -> dict[str, Attribute]:
    return {
        "headrace.model": record.model,
        "headrace.version": record.version or 0,
        "headrace.batch.rows": batch.rows,
        "headrace.batch.requests": batch.requests,
        "headrace.batch.reason": batch.reason,
        "headrace.batch.instance": batch.instance,
    }


def _language_attributes(operation: str, model: str, version: int | None, prompt_tokens: int) -> dict[str, Attribute]:
    """What OpenTelemetry's conventions for generative models name. They are on one span of a request: who adds up the
    tokens of a trace counts each once."""
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDER,
        "gen_ai.request.model": model,
        "gen_ai.response.model": f"{model}/{version}",
        "gen_ai.usage.input_tokens": prompt_tokens,
    }


def _generation_attributes(generation: GenerationRecord) -> dict[str, Attribute]:
    model, usage = generation.model, generation.usage
    found = _language_attributes(
        "chat" if generation.chat else "text_completion", model.name, model.version, usage.prompt_tokens
    ) | {
        "gen_ai.response.id": generation.id,
        "gen_ai.response.finish_reasons": list(generation.finishes),
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
    }
    if generation.max_tokens is not None:
        found["gen_ai.request.max_tokens"] = generation.max_tokens
    return found

"""A request's time taken apart: what it was spent on, from its head to the last byte of its answer."""

import msgspec

from headrace.records import GenerationRecord, RequestRecord
from headrace.types import BatchFacts


class Phase(msgspec.Struct, frozen=True, gc=False):
    """One stretch of a request's time, by `Clock.now_ns`."""

    name: str
    start_ns: int
    end_ns: int


def phases(record: RequestRecord, generation: GenerationRecord | None = None) -> tuple[Phase, ...]:
    """The phases of a request in their order: they follow one another, but for `compute`, which lies within `batch`,
    and `preempted`, within `decode` or `prefill`.

    What was refused, or found in a cache, has fewer. `held` is the time between `admit` and the answer of what was let
    in and of which no run is known: it failed, was cancelled, or a language model embedded or scored it.
    """
    found = [Phase("parse", record.arrived_ns, record.submitted_ns)]
    begun_ns = record.submitted_ns
    if record.admitted_ns:
        found.append(Phase("admit", begun_ns, record.admitted_ns))
        begun_ns = record.admitted_ns
    if record.batch is not None:
        found += _run(record.batch, begun_ns)
    elif generation is not None:
        found += _generation(generation, begun_ns)
    elif record.admitted_ns and record.cache is None:
        found.append(Phase("held", begun_ns, record.finished_ns))
    if record.written_ns:
        found.append(Phase("serialise", record.finished_ns, record.written_ns))
    return tuple([phase for phase in found if phase.end_ns >= phase.start_ns])


def _run(batch: BatchFacts, begun_ns: int) -> list[Phase]:
    laid_out_ns = batch.started_ns + batch.input_ns
    computed_ns = laid_out_ns + batch.infer_ns
    return [
        Phase("queue", min(begun_ns, batch.started_ns), batch.started_ns),  # it may be taken before it is let in
        Phase("batch", batch.started_ns, computed_ns + batch.output_ns),
        Phase("compute", laid_out_ns, computed_ns),
    ]


def _generation(generation: GenerationRecord, begun_ns: int) -> list[Phase]:
    times = generation.times
    if not times.first_token_ns:
        return [Phase("queue", begun_ns, generation.finished_ns)]
    begun, first = generation.arrived_ns + times.queued_ns, generation.arrived_ns + times.first_token_ns
    return [
        Phase("queue", min(begun_ns, begun), begun),
        Phase("prefill", begun, first),
        Phase("decode", first, generation.finished_ns),
        *[
            Phase("preempted", generation.arrived_ns + lost, generation.arrived_ns + back)
            for lost, back in times.pauses
        ],
    ]

"""A request becomes spans that hang together, and a run links those that shared it."""

import random

from msgspec.structs import replace

from headrace.records import RequestRecord
from headrace.tracing.spans import Kept, Span, SpanMaker
from tests.observe.make import MS, answered, facts, failed, generated
from tests.tracing.make import PARENT_ID, TRACE_ID, traced

EPOCH_NS = 1_700_000_000_000_000_000


def spans(*lot: Kept) -> list[Span]:
    return SpanMaker(EPOCH_NS, random.Random(1).getrandbits).spans(lot)


def named(made: list[Span], name: str) -> list[Span]:
    return [span for span in made if span.name == name]


def test_a_request_goes_on_its_clients_trace_and_has_its_phases_below_it() -> None:
    made = spans(Kept(traced()))
    (request,) = named(made, "infer m")
    assert (request.place.trace_id, request.parent_id, request.remote_parent) == (TRACE_ID, PARENT_ID, True)
    inner = [span for span in made if span is not request]
    assert [span.name for span in inner] == ["parse", "admit", "queue", "compute", "serialise", "batch"]
    assert all(span.place.trace_id == TRACE_ID and span.parent_id == request.place.span_id for span in inner)
    assert (request.start_ns, request.end_ns) == (EPOCH_NS + 4_000_000, EPOCH_NS + 5_001_000)


def test_all_spans_of_a_request_have_what_others_said_of_its_trace() -> None:
    made = spans(Kept(replace(traced(), tracestate="v=1")))
    assert {span.tracestate for span in made} == {"v=1"}


def test_without_a_clients_trace_it_begins_one() -> None:
    first, second = named(spans(Kept(answered()), Kept(answered())), "infer m")
    assert first.parent_id == 0
    assert first.place.trace_id not in (0, second.place.trace_id)


def test_a_run_has_one_span_linked_to_all_that_are_kept_of_it_and_they_to_it() -> None:
    run = facts(3, 3, started_ns=4_000_500)
    made = spans(Kept(traced(0, batch=run)), Kept(traced(1, batch=run)), Kept(traced(2)))
    shared, alone = named(made, "batch")
    requests = named(made, "infer m")
    assert set(shared.links) == {request.place for request in requests[:2]}
    assert alone.links == [requests[2].place]
    assert [span.links for span in named(made, "compute")] == [(shared.place,), (shared.place,), (alone.place,)]
    assert shared.attributes["headrace.batch.requests"] == 3


def test_one_that_failed_says_with_what() -> None:
    (request,) = named(spans(Kept(failed("queue_full"))), "infer m")
    assert (request.error, request.attributes["error.type"]) == ("queue_full", "queue_full")


def test_a_name_that_a_client_made_up_names_no_span() -> None:
    (request,) = named(spans(Kept(failed("model_not_found", "<script>", None))), "infer")
    assert request.attributes["headrace.model"] == "<script>"


def test_a_text_is_prefilled_and_decoded_as_the_conventions_name_it() -> None:
    record = RequestRecord("41", "m", 1, "http", 1, 4 * MS, 5 * MS, 270 * MS, None)
    made = spans(Kept(record, False, generated()))
    assert [span.name for span in made] == ["infer m", "parse", "queue", "prefill", "decode"]
    assert (
        made[0].attributes.items()
        >= {
            "gen_ai.request.model": "m",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 11,
            "gen_ai.request.max_tokens": 50,
            "gen_ai.operation.name": "text_completion",
        }.items()
    )


def test_the_tokens_of_a_trace_are_told_once() -> None:
    record = RequestRecord("41", "m", 1, "http", 1, 4 * MS, 5 * MS, 270 * MS, None)
    made = spans(Kept(record, False, generated()))
    assert [span.name for span in made if "gen_ai.usage.input_tokens" in span.attributes] == ["infer m"]


def test_what_was_asked_is_called_as_the_conventions_do() -> None:
    record = RequestRecord("41", "m", 1, "http", 1, 4 * MS, 5 * MS, 270 * MS, None)
    made = spans(Kept(record, False, replace(generated(), chat=True)), Kept(replace(record, embedded_tokens=7)))
    chat, embeddings = (span.attributes for span in named(made, "infer m"))
    assert (chat["gen_ai.operation.name"], embeddings["gen_ai.operation.name"]) == ("chat", "embeddings")
    assert (embeddings["gen_ai.usage.input_tokens"], embeddings["gen_ai.response.model"]) == (7, "m/1")
    assert "gen_ai.usage.output_tokens" not in embeddings


def test_a_slow_one_says_so() -> None:
    (request,) = named(spans(Kept(replace(answered()), True)), "infer m")
    assert request.attributes["headrace.slow"] is True

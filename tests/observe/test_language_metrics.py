"""The page tells of language models what their records said."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace.generation import LanguageFacts
from headrace.observe.exposition import labels
from headrace.observe.language_metrics import Observed, lines
from headrace.observe.language_tally import LanguageTally
from headrace.records import GenerationRecord, StepRecord
from headrace.types import Backlog, ModelVersion
from tests.observe.make import generated, stepped

OURS = {"model": "m", "version": "1"}
VLLM = {"model_name": "m", "engine": "0"}
FACTS = LanguageFacts("llama", ("generate",), 2048, 100, 0, "int8", True, num_blocks=40, block_size=32)


def observed(*records: StepRecord | GenerationRecord, facts: LanguageFacts = FACTS, version: int = 1) -> Observed:
    tally = LanguageTally()
    for record in records:
        if isinstance(record, StepRecord):
            tally.add_step(record.facts)
        else:
            tally.add_generation(record)
    return Observed(ModelVersion("m", version), version - 1, facts, tally, Backlog(queued=5, running=2))


def samples(*models: Observed) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families("\n".join(lines(models)) + "\n")
    found = [sample for family in families for sample in family.samples]
    return {(sample.name, labels(sample.labels)): sample.value for sample in found}


def value(model: Observed, name: str, /, **labelled: str) -> float:
    return samples(model)[name, labels(labelled)]


def test_without_language_models_nothing_is_told() -> None:
    assert lines([]) == []


def test_a_model_that_has_not_been_asked_has_zeros() -> None:
    found = samples(observed())
    assert found["vllm:kv_cache_usage_perc", labels(VLLM)] == 0
    assert found["vllm:generation_tokens_total", labels(VLLM)] == 0
    assert found["vllm:time_to_first_token_seconds_count", labels(VLLM)] == 0
    assert found["headrace_kv_blocks", labels({**OURS, "state": "free"})] == 40


def test_what_runs_and_waits_is_as_it_is_now() -> None:
    model = observed(stepped(running=9, waiting=9))
    assert value(model, "vllm:num_requests_running", **VLLM) == 2
    assert value(model, "vllm:num_requests_waiting", **VLLM) == 5


def test_cached_tokens_of_prompts_are_processed_too() -> None:
    model = observed(stepped(prompt_tokens=36, cached_tokens=64, queried_tokens=100, generated_tokens=1))
    assert value(model, "vllm:prompt_tokens_total", **VLLM) == 100
    assert value(model, "vllm:prefix_cache_queries_total", **VLLM) == 100
    assert value(model, "vllm:prefix_cache_hits_total", **VLLM) == 64
    assert value(model, "vllm:iteration_tokens_total_sum", **VLLM) == 37
    assert value(model, "headrace_tokens_total", **OURS, kind="prompt") == 36


def test_blocks_are_used_or_free() -> None:
    model = observed(stepped(used_blocks=10, num_blocks=40))
    assert value(model, "vllm:kv_cache_usage_perc", **VLLM) == value(model, "vllm:gpu_cache_usage_perc", **VLLM) == 0.25
    assert value(model, "headrace_kv_blocks", **OURS, state="used") == 10
    assert value(model, "headrace_kv_blocks", **OURS, state="free") == 30


def test_promises_are_told_from_the_first_on() -> None:
    assert value(observed(), "headrace_promises_total", **OURS, promise="pace", outcome="late") == 0
    model = observed(msgspec.structs.replace(generated(), first_due_ns=65_000_000))
    assert value(model, "headrace_promises_total", **OURS, promise="first_token", outcome="kept") == 1


def test_times_are_in_their_unit() -> None:
    model = observed(generated(), stepped(0.02, gaps=((20_000_000, 2),)))
    assert value(model, "vllm:time_to_first_token_seconds_sum", **VLLM) == 0.06
    assert value(model, "vllm:time_to_first_token_seconds_bucket", **VLLM, le="0.065") == 1
    assert value(model, "vllm:time_to_first_token_seconds_bucket", **VLLM, le="0.04") == 0
    assert value(model, "vllm:inter_token_latency_seconds_count", **VLLM) == 2
    assert value(model, "vllm:request_time_per_output_token_seconds_sum", **VLLM) == 0.02
    assert value(model, "nv_inference_first_response_histogram_ms_sum", **OURS) == 60
    assert value(model, "nv_inference_first_response_histogram_ms_bucket", **OURS, le="65.0") == 1
    assert value(model, "headrace_step_duration_seconds_sum", **OURS) == 0.02


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "stop"), ("tool_calls", "stop"), ("length", "length"), ("abort", "abort"), ("error", "error")],
)
def test_a_choice_ended_for_one_of_vllms_reasons(finish: str, reason: str) -> None:
    found = samples(observed(generated((finish,))))
    told = {
        each: found["vllm:request_success_total", labels({**VLLM, "finished_reason": each})]
        for each in ("stop", "length", "abort", "error")
    }
    assert told == {each: float(each == reason) for each in told}


def test_drafts_are_told_with_their_acceptance() -> None:
    model = observed(stepped(drafts=2, drafted_tokens=8, accepted_tokens=6))
    assert value(model, "vllm:spec_decode_num_drafts_total", **VLLM) == 2
    assert value(model, "vllm:spec_decode_num_draft_tokens_total", **VLLM) == 8
    assert value(model, "vllm:spec_decode_num_accepted_tokens_total", **VLLM) == 6
    assert value(model, "headrace_draft_acceptance_ratio", **OURS) == 0.75


def test_without_drafts_there_is_no_ratio() -> None:
    assert ("headrace_draft_acceptance_ratio", labels(OURS)) not in samples(observed())


def test_cancelled_requests_are_told_with_what_they_saved() -> None:
    model = observed(stepped(0.0, aborted=3, saved_tokens=700))
    assert value(model, "headrace_requests_cancelled_total", **OURS) == 3
    assert value(model, "headrace_tokens_total", **OURS, kind="saved") == 700


def test_the_cache_is_described_in_labels() -> None:
    described = {**VLLM, "block_size": "32", "num_gpu_blocks": "40"}
    assert value(observed(), "vllm:cache_config_info", **described) == 1


def test_there_are_no_adapters() -> None:
    none = {**VLLM, "max_lora": "0", "running_lora_adapters": "", "waiting_lora_adapters": ""}
    assert value(observed(), "vllm:lora_requests_info", **none) == 1


def test_an_encoder_has_steps_and_tokens_and_none_of_vllms() -> None:
    encoder = LanguageFacts("bert", ("embed",), 512, 100, 0, "f32", False)
    found = samples(observed(stepped(prompt_tokens=9), facts=encoder))
    assert found["headrace_tokens_total", labels({**OURS, "kind": "prompt"})] == 9
    assert not [name for name, _ in found if name.startswith(("vllm", "headrace_kv", "nv_"))]


def test_versions_of_a_model_are_engines_of_their_own() -> None:
    found = samples(observed(version=1), observed(stepped(generated_tokens=3), version=2))
    assert found["vllm:generation_tokens_total", labels({**VLLM, "engine": "1"})] == 3
    assert found["vllm:generation_tokens_total", labels(VLLM)] == 0


def test_tokens_of_prompts_are_told_by_where_they_came_from() -> None:
    model = observed(stepped(prompt_tokens=36, cached_tokens=64), generated())
    assert value(model, "vllm:prompt_tokens_by_source_total", **VLLM, source="local_compute") == 36
    assert value(model, "vllm:prompt_tokens_by_source_total", **VLLM, source="local_cache_hit") == 64
    assert value(model, "vllm:prompt_tokens_by_source_total", **VLLM, source="external_kv_transfer") == 0
    assert value(model, "vllm:prompt_tokens_cached_total", **VLLM) == 64
    assert value(model, "vllm:request_prefill_kv_computed_tokens_sum", **VLLM) == 36


def test_what_is_loaded_is_awake() -> None:
    assert value(observed(), "vllm:engine_sleep_state", **VLLM, sleep_state="awake") == 1
    assert value(observed(), "vllm:engine_sleep_state", **VLLM, sleep_state="discard_all") == 0
    assert value(observed(), "vllm:num_requests_waiting_by_reason", **VLLM, reason="deferred") == 0

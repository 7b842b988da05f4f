"""Names are those that others ask for, and follow Prometheus' rules where they are ours."""

import pytest

from headrace.observe import language_families as families
from headrace.observe.exposition import Family

ALL = [
    *(each for each in vars(families).values() if isinstance(each, Family)),
    *(family for family, _ in families.VLLM),
    *(family for family, *_ in families.VLLM_HISTOGRAMS),
]

VLLM = {
    "vllm:num_requests_running": "gauge",
    "vllm:num_requests_waiting": "gauge",
    "vllm:num_requests_waiting_by_reason": "gauge",
    "vllm:engine_sleep_state": "gauge",
    "vllm:prompt_tokens_by_source_total": "counter",
    "vllm:prompt_tokens_cached_total": "counter",
    "vllm:request_prefill_kv_computed_tokens": "histogram",
    "vllm:kv_cache_usage_perc": "gauge",
    "vllm:gpu_cache_usage_perc": "gauge",
    "vllm:prefix_cache_queries_total": "counter",
    "vllm:prefix_cache_hits_total": "counter",
    "vllm:num_preemptions_total": "counter",
    "vllm:prompt_tokens_total": "counter",
    "vllm:generation_tokens_total": "counter",
    "vllm:request_success_total": "counter",
    "vllm:request_prompt_tokens": "histogram",
    "vllm:request_generation_tokens": "histogram",
    "vllm:request_max_num_generation_tokens": "histogram",
    "vllm:request_params_n": "histogram",
    "vllm:request_params_max_tokens": "histogram",
    "vllm:iteration_tokens_total": "histogram",
    "vllm:time_to_first_token_seconds": "histogram",
    "vllm:inter_token_latency_seconds": "histogram",
    "vllm:time_per_output_token_seconds": "histogram",
    "vllm:request_time_per_output_token_seconds": "histogram",
    "vllm:e2e_request_latency_seconds": "histogram",
    "vllm:request_queue_time_seconds": "histogram",
    "vllm:request_inference_time_seconds": "histogram",
    "vllm:request_prefill_time_seconds": "histogram",
    "vllm:request_decode_time_seconds": "histogram",
    "vllm:cache_config_info": "gauge",
    "vllm:lora_requests_info": "gauge",
    "vllm:spec_decode_num_drafts_total": "counter",
    "vllm:spec_decode_num_draft_tokens_total": "counter",
    "vllm:spec_decode_num_accepted_tokens_total": "counter",
}


def test_vllms_names_and_kinds_are_vllms() -> None:
    assert {family.name: family.kind for family in ALL if family.name.startswith("vllm:")} == VLLM


def test_no_two_families_have_one_name() -> None:
    assert len({family.name for family in ALL}) == len(ALL)


@pytest.mark.parametrize(
    "family", [each for each in ALL if each.name.startswith("headrace_")], ids=lambda each: each.name
)
def test_our_counters_and_no_others_end_in_total(family: Family) -> None:
    assert family.name.endswith("_total") == (family.kind == "counter")


@pytest.mark.parametrize("family", ALL, ids=lambda each: each.name)
def test_a_family_says_what_it_means_in_one_line(family: Family) -> None:
    assert family.text
    assert family.text.isprintable()
    assert "\\" not in family.text

"""Names are what others ask for, and follow Prometheus' rules where they are ours."""

import re

import pytest

from headrace.observe import families
from headrace.observe.exposition import Family

ALL = [
    *(each for each in vars(families).values() if isinstance(each, Family)),
    *(family for family, _ in families.OF_VERSION),
    *(family for family, *_ in families.HISTOGRAMS),
]

TRITON = {
    "nv_inference_request_success": "counter",
    "nv_inference_request_failure": "counter",
    "nv_inference_count": "counter",
    "nv_inference_exec_count": "counter",
    "nv_inference_request_duration_us": "counter",
    "nv_inference_queue_duration_us": "counter",
    "nv_inference_compute_input_duration_us": "counter",
    "nv_inference_compute_infer_duration_us": "counter",
    "nv_inference_compute_output_duration_us": "counter",
    "nv_inference_pending_request_count": "gauge",
    "nv_cache_num_hits_per_model": "counter",
    "nv_cache_num_misses_per_model": "counter",
    "nv_cache_hit_duration_per_model": "counter",
    "nv_cache_miss_duration_per_model": "counter",
    "nv_model_load_duration_secs": "gauge",
    "nv_gpu_utilization": "gauge",
    "nv_gpu_memory_total_bytes": "gauge",
    "nv_gpu_memory_used_bytes": "gauge",
    "nv_gpu_power_usage": "gauge",
    "nv_gpu_power_limit": "gauge",
    "nv_energy_consumption": "counter",
    "nv_cpu_utilization": "gauge",
    "nv_cpu_memory_total_bytes": "gauge",
    "nv_cpu_memory_used_bytes": "gauge",
}


def test_tritons_names_and_kinds_are_tritons() -> None:
    assert {family.name: family.kind for family in ALL if family.name.startswith("nv_")} == TRITON


def test_no_two_families_have_one_name() -> None:
    assert len({family.name for family in ALL}) == len(ALL)


@pytest.mark.parametrize(
    "family", [each for each in ALL if not each.name.startswith("nv_")], ids=lambda each: each.name
)
def test_our_counters_and_no_others_end_in_total(family: Family) -> None:
    assert re.fullmatch(r"(headrace|process)_[a-z_]+", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")


@pytest.mark.parametrize("family", ALL, ids=lambda each: each.name)
def test_a_family_says_what_it_means_in_one_line(family: Family) -> None:
    assert family.text
    assert family.text.isprintable()
    assert "\\" not in family.text

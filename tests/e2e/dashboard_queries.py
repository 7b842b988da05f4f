"""The queries of dashboards that people have, word for word; Grafana fills in `$model_name` and `$__rate_interval`."""

TRITON = (
    "count(count(nv_inference_count) by (instance))",
    "sum by (pod) (rate(nv_inference_count[1m])) / ignoring(pod) group_left sum (rate(nv_inference_count[1m]))",
    "sum(nv_inference_request_success) by (pod)",
    "sum(nv_inference_request_failure) by (pod)",
    "sum(rate(nv_inference_compute_infer_duration_us[30s])) by (model) / 1000",
    "avg(rate(nv_inference_queue_duration_us[30s])/(1+rate(nv_inference_request_success[30s]))) by (pod)",
)
"""triton-inference-server/server, deploy/k8s-onprem/dashboard.json, at 347557a8604fd114e984f785e91ce299c6b4d144."""

TRITON_SINGLE = (
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "rate(nv_inference_queue_duration_us[30s]) / 1000",
)
"""deploy/single_server/dashboard.json of the same, at 70e6c22a4d020524259f849a1e8d49f7310ef3b4. Two more of
its queries, of `nv_inference_load_ratio_bucket` and `nv_inference_compute_duration_us`, are of names that Triton itself
has given up."""

_QUANTILES = tuple(
    f"histogram_quantile({quantile}, sum by(le) "
    f'(rate(vllm:{name}_bucket{{model_name="$model_name"}}[$__rate_interval])))'
    for name in ("e2e_request_latency_seconds", "inter_token_latency_seconds", "time_to_first_token_seconds")
    for quantile in ("0.99", "0.95", "0.9", "0.5")
)
_MEANS = tuple(
    f'rate(vllm:{name}_sum{{model_name="$model_name"}}[$__rate_interval])\n/\n'
    f'rate(vllm:{name}_count{{model_name="$model_name"}}[$__rate_interval])'
    for name in ("e2e_request_latency_seconds", "inter_token_latency_seconds", "time_to_first_token_seconds")
)
_RATES = tuple(
    f'rate(vllm:{name}{{model_name="$model_name"}}[$__rate_interval])'
    for name in (
        "prompt_tokens_total",
        "generation_tokens_total",
        "request_queue_time_seconds_sum",
        "request_prefill_time_seconds_sum",
        "request_decode_time_seconds_sum",
        "request_max_num_generation_tokens_sum",
    )
)
_GAUGES = tuple(
    f'vllm:{name}{{model_name="$model_name"}}'
    for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")
)
_SUMS = (
    'sum by(le) (increase(vllm:request_prompt_tokens_bucket{model_name="$model_name"}[$__rate_interval]))',
    'sum by(le) (increase(vllm:request_generation_tokens_bucket{model_name="$model_name"}[$__rate_interval]))',
    'sum by(finished_reason) (increase(vllm:request_success_total{model_name="$model_name"}[$__rate_interval]))',
)
VLLM = (*_QUANTILES, *_MEANS, *_RATES, *_GAUGES, *_SUMS)
"""vllm-project/vllm, examples/observability/prometheus_grafana/grafana.json: all of its 27 queries, at
4b5c627c23e6690b8987100d1cbf78e34ac14bf9."""

OF_ABSENT_HARDWARE = (
    "nv_gpu_utilization",
    "nv_gpu_memory_total_bytes",
    "nv_gpu_memory_used_bytes",
    "nv_gpu_power_usage",
    "nv_gpu_power_limit",
    "nv_energy_consumption",
)
"""What perf_analyzer and others ask of Triton that has data only where there is a GPU."""

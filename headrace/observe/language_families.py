"""The metrics of language models: vLLM's names, word for word, and our own beside them."""

from collections.abc import Callable

from headrace.observe.exposition import Family
from headrace.observe.histogram import (
    CHOICE_BOUNDS,
    DURATION_BOUNDS_NS,
    GENERATION_BOUNDS_NS,
    SECOND,
    TOKEN_BOUNDS,
    Histogram,
)
from headrace.observe.language_tally import LanguageTally

Bounds = tuple[float, ...]

_STEP_BOUNDS_S = tuple(bound / SECOND for bound in DURATION_BOUNDS_NS)
_GENERATION_BOUNDS_S = tuple(bound / SECOND for bound in GENERATION_BOUNDS_NS)
_MILLISECOND = SECOND // 1000

# vLLM's names, with the labels model_name and engine: dashboards, autoscalers and routers ask for them. Where vLLM
# changed a name, the old one is there too.

RUNNING = Family("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.")
WAITING = Family("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.")
WAITING_BY_REASON = Family(
    "vllm:num_requests_waiting_by_reason",
    "gauge",
    "Requests that wait for room (capacity), and for something else (deferred: none).",
)
SLEEP_STATE = Family(
    "vllm:engine_sleep_state", "gauge", "1 for awake: what is loaded is; 0 for weights_offloaded and discard_all."
)
PROMPT_TOKENS_BY_SOURCE = Family(
    "vllm:prompt_tokens_by_source_total", "counter", "Number of prompt tokens by source: computed here, or found."
)
CACHE_CONFIG = Family("vllm:cache_config_info", "gauge", "1; the labels say how large the KV cache is.")
ADAPTERS = Family("vllm:lora_requests_info", "gauge", "1; the labels say which LoRA adapters there are: none.")
REQUEST_SUCCESS = Family(
    "vllm:request_success_total", "counter", "Choices that ended, by finished_reason: stop, length, abort or error."
)

VLLM: tuple[tuple[Family, Callable[[LanguageTally], float]], ...] = (
    (
        Family("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage."),
        lambda tally: tally.kv_usage,
    ),
    (
        Family("vllm:gpu_cache_usage_perc", "gauge", "The same as vllm:kv_cache_usage_perc, by its old name."),
        lambda tally: tally.kv_usage,
    ),
    (
        Family(
            "vllm:prefix_cache_queries_total", "counter", "Prefix cache queries, in terms of number of queried tokens."
        ),
        lambda tally: tally.queried_tokens,
    ),
    (
        Family("vllm:prefix_cache_hits_total", "counter", "Prefix cache hits, in terms of number of cached tokens."),
        lambda tally: tally.tokens["cached"],
    ),
    (
        Family("vllm:prompt_tokens_cached_total", "counter", "Number of cached prompt tokens."),
        lambda tally: tally.tokens["cached"],
    ),
    (
        Family("vllm:num_preemptions_total", "counter", "Cumulative number of preemptions from the engine."),
        lambda tally: tally.preemptions,
    ),
    (
        Family("vllm:prompt_tokens_total", "counter", "Number of prefill tokens processed, cached ones included."),
        lambda tally: tally.tokens["prompt"] + tally.tokens["cached"],
    ),
    (
        Family("vllm:generation_tokens_total", "counter", "Number of generation tokens processed."),
        lambda tally: tally.tokens["generated"],
    ),
    (
        Family("vllm:spec_decode_num_drafts_total", "counter", "Number of spec decoding drafts."),
        lambda tally: tally.drafts,
    ),
    (
        Family("vllm:spec_decode_num_draft_tokens_total", "counter", "Number of draft tokens."),
        lambda tally: tally.tokens["drafted"],
    ),
    (
        Family("vllm:spec_decode_num_accepted_tokens_total", "counter", "Number of accepted tokens."),
        lambda tally: tally.tokens["accepted"],
    ),
)
"""Families with one sample for each model that generates."""

VLLM_HISTOGRAMS: tuple[tuple[Family, Bounds, int, Callable[[LanguageTally], Histogram]], ...] = (
    (
        Family("vllm:iteration_tokens_total", "histogram", "Number of tokens per engine step."),
        TOKEN_BOUNDS,
        1,
        lambda tally: tally.step_tokens,
    ),
    (
        Family("vllm:time_to_first_token_seconds", "histogram", "Time to first token in seconds."),
        _GENERATION_BOUNDS_S,
        SECOND,
        lambda tally: tally.first_token_ns,
    ),
    (
        Family("vllm:inter_token_latency_seconds", "histogram", "Time between a sequence's steps that gave tokens."),
        _STEP_BOUNDS_S,
        SECOND,
        lambda tally: tally.gap_ns,
    ),
    (
        Family(
            "vllm:time_per_output_token_seconds",
            "histogram",
            "The same as vllm:inter_token_latency_seconds, by its old name.",
        ),
        _STEP_BOUNDS_S,
        SECOND,
        lambda tally: tally.gap_ns,
    ),
    (
        Family(
            "vllm:request_time_per_output_token_seconds",
            "histogram",
            "A request's mean time per output token after its first.",
        ),
        _STEP_BOUNDS_S,
        SECOND,
        lambda tally: tally.token_ns,
    ),
    (
        Family("vllm:e2e_request_latency_seconds", "histogram", "End to end request latency in seconds."),
        _GENERATION_BOUNDS_S,
        SECOND,
        lambda tally: tally.whole_ns,
    ),
    (
        Family("vllm:request_queue_time_seconds", "histogram", "Time spent in WAITING phase for request."),
        _GENERATION_BOUNDS_S,
        SECOND,
        lambda tally: tally.queue_ns,
    ),
    (
        Family("vllm:request_inference_time_seconds", "histogram", "Time spent in RUNNING phase for request."),
        _GENERATION_BOUNDS_S,
        SECOND,
        lambda tally: tally.inference_ns,
    ),
    (
        Family("vllm:request_prefill_time_seconds", "histogram", "Time spent in PREFILL phase for request."),
        _GENERATION_BOUNDS_S,
        SECOND,
        lambda tally: tally.prefill_ns,
    ),
    (
        Family("vllm:request_decode_time_seconds", "histogram", "Time spent in DECODE phase for request."),
        _GENERATION_BOUNDS_S,
        SECOND,
        lambda tally: tally.decode_ns,
    ),
    (
        Family("vllm:request_prompt_tokens", "histogram", "Number of prefill tokens of a request."),
        TOKEN_BOUNDS,
        1,
        lambda tally: tally.prompt_tokens,
    ),
    (
        Family(
            "vllm:request_prefill_kv_computed_tokens",
            "histogram",
            "Number of prefill tokens of a request that were computed, those found in the cache left out.",
        ),
        TOKEN_BOUNDS,
        1,
        lambda tally: tally.computed_tokens,
    ),
    (
        Family("vllm:request_generation_tokens", "histogram", "Number of generation tokens of a request."),
        TOKEN_BOUNDS,
        1,
        lambda tally: tally.generated_tokens,
    ),
    (
        Family(
            "vllm:request_max_num_generation_tokens",
            "histogram",
            "Number of generation tokens of a request's longest choice.",
        ),
        TOKEN_BOUNDS,
        1,
        lambda tally: tally.longest_choice,
    ),
    (
        Family("vllm:request_params_n", "histogram", "The n request parameter."),
        CHOICE_BOUNDS,
        1,
        lambda tally: tally.choices,
    ),
    (
        Family("vllm:request_params_max_tokens", "histogram", "The max_tokens request parameter, where it was given."),
        TOKEN_BOUNDS,
        1,
        lambda tally: tally.max_tokens,
    ),
)
"""Families with one histogram for each model that generates: with bounds, and what divides the sum, in their unit."""

SOURCES = {"local_compute": "prompt", "local_cache_hit": "cached", "external_kv_transfer": ""}
"""Where tokens of prompts come from, as vLLM says it, with our kind of them; "" is what there is none of."""

FINISHED_REASONS = {"stop": "stop", "tool_calls": "stop", "length": "length", "abort": "abort", "error": "error"}
"""How a choice ended, as vLLM says it."""

# Ours and Triton's, with the labels model and version; of encoders too.

TOKENS = Family(
    "headrace_tokens_total",
    "counter",
    "Tokens by kind: prompt (computed), cached (of prompts, found), generated, drafted, accepted (of drafts), saved "
    "(that cancelled requests were still allowed).",
)
KINDS = ("prompt", "cached", "generated", "drafted", "accepted", "saved")
KV_BLOCKS = Family(
    "headrace_kv_blocks",
    "gauge",
    "Blocks of the KV cache by state: used, or free; those only kept to be found are free.",
)
ACCEPTANCE = Family(
    "headrace_draft_acceptance_ratio",
    "gauge",
    "Share of the drafted tokens that were accepted since the version was loaded.",
)
PROMISES = Family(
    "headrace_promises_total",
    "counter",
    "Of requests that were let in: a first_token or a pace that was promised, by whether it was kept or late.",
)
CANCELLED = Family(
    "headrace_requests_cancelled_total", "counter", "Requests whose caller went away before their last token."
)
STEPS = Family("headrace_step_duration_seconds", "histogram", "What one step of the engine took.")
STEP_BOUNDS_S = _STEP_BOUNDS_S
FIRST_RESPONSE = Family(
    "nv_inference_first_response_histogram_ms", "histogram", "Duration from request to first response in milliseconds"
)
FIRST_RESPONSE_BOUNDS_MS = tuple(bound / _MILLISECOND for bound in GENERATION_BOUNDS_NS)

"""What Prometheus reads of language models."""

from collections.abc import Sequence

import msgspec

from headrace.generation import LanguageFacts
from headrace.observe import language_families as families
from headrace.observe.exposition import Family, labels
from headrace.observe.histogram import SECOND, Histogram
from headrace.observe.language_tally import LanguageTally
from headrace.types import Backlog, ModelVersion

MILLISECOND = SECOND // 1000


class Observed(msgspec.Struct, frozen=True):
    """A loaded version: what it is, has done and does."""

    version: ModelVersion
    engine: int
    facts: LanguageFacts
    tally: LanguageTally
    backlog: Backlog

    def ours(self, **more: str) -> str:
        return labels({"model": self.version.name, "version": str(self.version.version), **more})

    def vllm(self, **more: str) -> str:
        return labels({"model_name": self.version.name, "engine": str(self.engine), **more})


def lines(models: Sequence[Observed]) -> list[str]:
    """Every family of language models; nothing where there is none."""
    generating = [model for model in models if "generate" in model.facts.tasks]
    return [*_ours(models), *_of_generations(generating), *_vllm_now(generating), *_vllm_counted(generating)]


def _ours(models: Sequence[Observed]) -> list[str]:
    return [
        *families.TOKENS.lines(
            (model.ours(kind=kind), model.tally.tokens[kind]) for model in models for kind in families.KINDS
        ),
        *families.CANCELLED.lines((model.ours(), model.tally.cancelled) for model in models),
        *_histograms(
            families.STEPS, families.STEP_BOUNDS_S, SECOND, [(each.ours(), each.tally.step_ns) for each in models]
        ),
    ]


def _of_generations(models: Sequence[Observed]) -> list[str]:
    blocks = [(model, model.tally.num_blocks or model.facts.num_blocks, model.tally.used_blocks) for model in models]
    drafting = [(model, model.tally.tokens) for model in models if model.tally.tokens["drafted"]]
    return [
        *families.KV_BLOCKS.lines(
            (model.ours(state=state), count)
            for model, num, used in blocks
            for state, count in (("used", used), ("free", num - used))
        ),
        *families.PROMISES.lines(
            (model.ours(promise=promise, outcome=outcome), model.tally.promises[promise, outcome])
            for model in models
            for promise in ("first_token", "pace")
            for outcome in ("kept", "late")
        ),
        *families.ACCEPTANCE.lines((model.ours(), each["accepted"] / each["drafted"]) for model, each in drafting),
        *_histograms(
            families.FIRST_RESPONSE,
            families.FIRST_RESPONSE_BOUNDS_MS,
            MILLISECOND,
            [(each.ours(), each.tally.first_token_ns) for each in models],
        ),
    ]


def _vllm_now(models: Sequence[Observed]) -> list[str]:
    return [
        *families.RUNNING.lines((model.vllm(), model.backlog.running) for model in models),
        *families.WAITING.lines((model.vllm(), model.backlog.queued) for model in models),
        *families.WAITING_BY_REASON.lines(
            (model.vllm(reason=reason), count)
            for model in models
            for reason, count in (("capacity", model.backlog.queued), ("deferred", 0))
        ),
        *families.SLEEP_STATE.lines(
            (model.vllm(sleep_state=state), int(state == "awake"))
            for model in models
            for state in ("awake", "weights_offloaded", "discard_all")
        ),
        *families.CACHE_CONFIG.lines(
            (model.vllm(block_size=str(model.facts.block_size), num_gpu_blocks=str(model.facts.num_blocks)), 1)
            for model in models
        ),
        *families.ADAPTERS.lines(
            (model.vllm(max_lora="0", running_lora_adapters="", waiting_lora_adapters=""), 1) for model in models
        ),
    ]


def _vllm_counted(models: Sequence[Observed]) -> list[str]:
    told = families.REQUEST_SUCCESS.lines(
        (model.vllm(finished_reason=reason), count)
        for model in models
        for reason, count in _finishes(model.tally).items()
    )
    told += families.PROMPT_TOKENS_BY_SOURCE.lines(
        (model.vllm(source=source), model.tally.tokens[kind] if kind else 0)
        for model in models
        for source, kind in families.SOURCES.items()
    )
    for family, read in families.VLLM:
        told += family.lines((model.vllm(), read(model.tally)) for model in models)
    for family, bounds, divisor, read_histogram in families.VLLM_HISTOGRAMS:
        told += _histograms(family, bounds, divisor, [(each.vllm(), read_histogram(each.tally)) for each in models])
    return told


def _finishes(tally: LanguageTally) -> dict[str, int]:
    """Every reason is there from the start: a rate needs a zero to begin from."""
    counts = dict.fromkeys(families.FINISHED_REASONS.values(), 0)
    for finish, count in tally.finishes.items():
        counts[families.FINISHED_REASONS[finish]] += count
    return counts


def _histograms(
    family: Family, bounds: Sequence[float], divisor: int, of: Sequence[tuple[str, Histogram]]
) -> list[str]:
    return family.histograms(
        bounds, [(label, histogram.cumulative(), histogram.total / divisor) for label, histogram in of]
    )

"""What may be said of a language model: not all that may be said of a model that runs in batches."""

from collections.abc import Mapping

from headrace.errors import ModelInvalid
from headrace.repository.overrides import Overrides

REFUSED = {
    "batching.enabled": "sequences of a language model join its steps by themselves; leave it out",
    "batching.max_size": "sequences of a language model join its steps; llm.max_sequences says how many",
    "batching.max_delay_ms": "a language model waits for no company; leave it out",
    "batching.tolerance": "the batch axis of a language model is not probed; leave it out",
    "batching.pad": "sequences of a language model are never filled up; leave it out",
    "batching.policy": "a language model closes no batches; leave it out",
    "batching.lanes": "a language model runs step after step; leave it out",
    "batching.spread": "a language model's sequences join its steps by themselves; leave it out",
    "batching.lane": "a language model runs step after step on its own; leave it out",
    "warm_up": "a language model warms up by itself; leave it out",
    "variant": "a language model has no variants; leave it out",
    "variants": "a language model has no variants; leave them out",
}
"""Keys of model.toml that mean nothing here; a config.pbtxt, where they have values unasked, may have them."""


def check_language(said: Overrides, provenance: Mapping[str, str]) -> None:
    """Raises ModelInvalid, which names file and key, for what cannot be honoured."""
    if said.isolation == "none":
        raise ModelInvalid("a language model has a process of its own; leave it out", _where(provenance, "isolation"))
    if (said.instances or 1) > 1:
        raise ModelInvalid("a language model runs once; leave it out", _where(provenance, "instances"))
    if said.cache:
        message = "answers of a language model are not kept, only what they begin with (llm.prefix_cache); leave it out"
        raise ModelInvalid(message, _where(provenance, "cache"))
    for key, source in provenance.items():
        if not source.endswith("model.toml"):
            continue
        if key.startswith(("inputs.", "outputs.")):
            raise ModelInvalid("a language model has text_input and text_output; leave it out", f"{source}: {key}")
        if key in REFUSED:
            raise ModelInvalid(REFUSED[key], f"{source}: {key.removesuffix('.enabled')}")


def check_tensors(provenance: Mapping[str, str]) -> None:
    """Raises ModelInvalid where a model that runs in batches is given a setting of language models."""
    for key, source in provenance.items():
        if key.startswith("llm.") or key in ("objective.ttft_ms", "objective.tpot_ms"):
            raise ModelInvalid("is for language models, and this is none; leave it out", f"{source}: {key}")


def _where(provenance: Mapping[str, str], key: str) -> str:
    return f"{provenance[key]}: {key}"

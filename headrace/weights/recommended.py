"""How a model's own files recommend that tokens be chosen: a Hugging Face folder's, or a GGUF's fields."""

from collections.abc import Mapping

from headrace.generation import GenerationDefaults
from headrace.weights.fields import Fields

HF = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "repetition_penalty": "repetition_penalty",
    "max_tokens": "max_new_tokens",
}
"""Keys of generation_config.json. Its `do_sample` is not read, as vLLM has it: a temperature of 0 says the same."""

GGUF = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repetition_penalty": "general.sampling.penalty_repeat",
}

MOST_TEMPERATURE = 100.0
LEAST_PENALTY, MOST_PENALTY = 0.01, 100.0


def recommended(fields: Fields, keys: Mapping[str, str]) -> GenerationDefaults:
    """What is said under `keys`. Raises ModelInvalid, naming the field that nothing can be chosen by."""

    def number(name: str, low: float, high: float) -> float | None:
        key = keys[name]
        return _as_written(fields.between(key, low, high)) if fields.has(key) else None

    def whole(name: str, low: int) -> int | None:
        key = keys.get(name, "")
        return fields.integer(key, low=low) if fields.has(key) else None

    top_k = whole("top_k", -1)
    return GenerationDefaults(
        temperature=number("temperature", 0.0, MOST_TEMPERATURE),
        top_k=None if top_k is None else max(0, top_k),  # -1 is all, too
        top_p=number("top_p", 0.0, 1.0),
        min_p=number("min_p", 0.0, 1.0),
        repetition_penalty=number("repetition_penalty", LEAST_PENALTY, MOST_PENALTY),
        max_tokens=whole("max_tokens", 1),
    )


def _as_written(value: float) -> float:
    """A GGUF holds 0.7 as the nearest of 32 bits."""
    return float(f"{value:.7g}")

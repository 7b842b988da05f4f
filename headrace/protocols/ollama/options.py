"""The `options` of a request: how tokens are chosen is honoured; how models are loaded, the server's settings say."""

from typing import Any

from headrace.errors import InvalidRequest
from headrace.generation import LanguageFacts, Sampling
from headrace.protocols.ranges import check_integer, check_repetition, check_stops, in_range, or_unset
from headrace.protocols.strict_body import Body

OWN = Sampling(temperature=0.8, top_k=40, top_p=0.9)
"""Ollama's defaults, behind the model's. Its repeat_penalty is 1 here."""

_SET_UP = "is chosen where the server is set up (docs/settings.md); leave it out"

REPEAT_LAST_N = 64
"""Tokens that penalties look at, as Ollama has it."""

MOST_LAST_N = 1 << 31

_FIXED: dict[str, tuple[tuple[Any, ...], str]] = {
    "num_batch": ((512,), "is chosen anew for every step; must be 512, which is Ollama's own, or left out"),
    "num_gpu": ((-1, 0), _SET_UP),
    "main_gpu": ((0,), _SET_UP),
    "num_thread": ((0,), _SET_UP),
    "numa": ((False,), _SET_UP),
    "low_vram": ((False,), _SET_UP),
    "f16_kv": ((True,), "is chosen by llm.kv_precision; leave it out"),
    "use_mmap": ((True,), _SET_UP),
    "use_mlock": ((False,), _SET_UP),
    "logits_all": ((False,), "is not offered; ask for logprobs"),
    "vocab_only": ((False,), "is not offered"),
    "embedding_only": ((False,), "is not offered"),
    "tfs_z": ((1,), "tail-free sampling is not offered; must be 1"),
    "typical_p": ((1,), "typical sampling is not offered; must be 1"),
    "mirostat": ((0,), "is not offered; must be 0"),
    "penalize_newline": ((True,), "must be true: penalties spare no token"),
    "draft_num_predict": ((), "is chosen anew for every step; leave it out"),
}
"""What these may be, if not null, and why nothing else: Ollama's own values, which clients send without need."""


class Options(Body, frozen=True, kw_only=True):
    # honoured
    seed: int | None = None
    num_predict: int | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    temperature: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: str | list[str] | None = None
    repeat_last_n: int | None = None
    num_ctx: int | None = None  # where it is less than the model's
    # without a meaning here
    num_keep: int | None = None  # of a context that is shifted, which none is
    mirostat_tau: float | None = None  # of mirostat, which is off
    mirostat_eta: float | None = None
    # fixed
    num_batch: int | None = None
    num_gpu: int | None = None
    main_gpu: int | None = None
    num_thread: int | None = None
    numa: bool | None = None
    low_vram: bool | None = None
    f16_kv: bool | None = None
    use_mmap: bool | None = None
    use_mlock: bool | None = None
    logits_all: bool | None = None
    vocab_only: bool | None = None
    embedding_only: bool | None = None
    tfs_z: float | None = None
    typical_p: float | None = None
    mirostat: int | None = None
    penalize_newline: bool | None = None
    draft_num_predict: int | None = None


def sampling(options: Options, facts: LanguageFacts, logprobs: int | None) -> Sampling:
    """The options as the engine takes them; of those that are not there the model's defaults, or Ollama's.

    Raises InvalidRequest with the path of one that is wrong or refused.
    """
    check_loading(options)
    window = _window(options.repeat_last_n)
    unset, top_k = facts.defaults.over(OWN), in_range(options.top_k, "options.top_k", 0, 1 << 31)
    return Sampling(
        temperature=or_unset(in_range(options.temperature, "options.temperature", 0, 2), unset.temperature),
        top_k=or_unset(top_k, unset.top_k),
        top_p=or_unset(in_range(options.top_p, "options.top_p", 0, 1), unset.top_p),
        min_p=or_unset(in_range(options.min_p, "options.min_p", 0, 1), unset.min_p),
        presence_penalty=in_range(options.presence_penalty, "options.presence_penalty", -2, 2) or 0.0,
        frequency_penalty=in_range(options.frequency_penalty, "options.frequency_penalty", -2, 2) or 0.0,
        repetition_penalty=check_repetition(options.repeat_penalty, unset.repetition_penalty, "options.repeat_penalty"),
        penalty_window=window,
        seed=None if options.seed == -1 else check_integer(options.seed, "options.seed"),
        max_tokens=unset.max_tokens if options.num_predict is None else _max_tokens(options.num_predict),
        stop=check_stops(options.stop, "options.stop"),
        logprobs=logprobs,
    )


def context(options: Options, facts: LanguageFacts) -> int | None:
    """How many tokens a prompt and its answer may have, where that is less than the model's context."""
    asked = in_range(options.num_ctx, "options.num_ctx", 1)
    return None if asked is None or asked >= facts.max_context else asked


def check_loading(options: Options) -> None:
    """Raises InvalidRequest for what cannot be chosen by a request."""
    for name, (allowed, reason) in _FIXED.items():
        value = getattr(options, name)
        if value is not None and value not in allowed:
            raise InvalidRequest(reason, f"options.{name}")


def _window(repeat_last_n: int | None) -> int | None:
    """-1 says: all that the context holds."""
    if repeat_last_n is None:
        return REPEAT_LAST_N
    if repeat_last_n == -1:
        return None
    if not 0 <= repeat_last_n <= MOST_LAST_N:
        raise InvalidRequest(f"must be -1, or from 0 to {MOST_LAST_N:,}", "options.repeat_last_n")
    return repeat_last_n


def _max_tokens(num_predict: int) -> int | None:
    """-1 and -2 say: as many as the context holds."""
    if num_predict in (-1, -2):
        return None
    if num_predict < 1:
        raise InvalidRequest("must be -1 or -2, or 1 or more", "options.num_predict")
    return num_predict

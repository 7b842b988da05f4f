"""The body of /v1/completions: every documented field honoured, or refused by its name."""

from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import MAX_TEXTS, Generate, LanguageFacts, Prompt
from headrace.protocols.openai.formats import grammar_of
from headrace.protocols.openai.sampling import MAX_CHOICES, SharedFields, check_shared, sampling, truncation
from headrace.protocols.openai.token_inputs import Input, read_inputs
from headrace.protocols.ranges import MAX_LOGPROBS, in_range
from headrace.protocols.strict_body import Reader, refuse_unless_absent

MAX_PROMPTS = 256
DEFAULT_MAX_TOKENS = 16


class CompletionBody(SharedFields, frozen=True, kw_only=True):
    prompt: Input
    best_of: int | None = None
    logprobs: int | None = None
    suffix: Any = None
    prompt_embeds: Any = None  # vLLM's


read_completion = Reader(CompletionBody)


def completion_asks(body: CompletionBody, facts: LanguageFacts) -> list[Generate]:
    """What a body asks of the model, for each of its prompts.

    Raises InvalidRequest with the path of the field that is wrong or refused.
    """
    check_shared(body)
    refuse_unless_absent(
        {
            "suffix": (body.suffix, "text between two texts is not offered"),
            "prompt_embeds": (
                None if body.prompt_embeds == [] else body.prompt_embeds,
                "is not offered; give text or token ids",
            ),
        }
    )
    logprobs = in_range(body.logprobs, "logprobs", 0, MAX_LOGPROBS)
    if body.max_tokens == 0 and not body.echo:
        raise InvalidRequest("must be 1 or more; 0 goes with echo, which tells the prompt alone", "max_tokens")
    max_tokens = in_range(body.max_tokens, "max_tokens", 0)
    how = sampling(body, facts, DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens, logprobs)
    if body.echo and logprobs is not None and how.prompt_logprobs is None:
        how = msgspec.structs.replace(how, prompt_logprobs=logprobs)
    n, best_of = 1 if body.n is None else body.n, _best_of(body)
    prompts = read_inputs(body.prompt, facts.vocabulary, "prompt", MAX_PROMPTS)
    _check_number(len(prompts), best_of or n, "n" if best_of is None else "best_of", facts)
    return [
        Generate(
            _prompt(prompt, where, body, facts),
            how,
            n=n,
            best_of=best_of,
            grammar=grammar_of(body),
            echo=bool(body.echo),
            stream=bool(body.stream),
            salt=body.cache_salt or "",
        )
        for prompt, where in prompts
    ]


def _check_number(prompts: int, texts: int, where: str, facts: LanguageFacts) -> None:
    """Raises InvalidRequest for more than could ever wait together."""
    if facts.max_requests and prompts > facts.max_requests:
        reason = f"has {prompts} prompts; at most {facts.max_requests} may wait for this model"
        raise InvalidRequest(reason, "prompt")
    if prompts * texts > MAX_TEXTS:
        raise InvalidRequest(
            f"{texts} texts for each of {prompts} prompts are {prompts * texts:,}; at most {MAX_TEXTS:,} are taken",
            where,
        )


def _prompt(prompt: str | tuple[int, ...], where: str, body: CompletionBody, facts: LanguageFacts) -> Prompt:
    text, token_ids = (prompt, None) if isinstance(prompt, str) else (None, prompt)
    return Prompt(
        text=text,
        token_ids=token_ids,
        add_special_tokens=body.add_special_tokens,
        truncate_to=truncation(body, facts),
        where=where,
    )


def _best_of(body: CompletionBody) -> int | None:
    best_of, n = in_range(body.best_of, "best_of", 1, MAX_CHOICES), 1 if body.n is None else body.n
    if best_of is not None and best_of < n:
        raise InvalidRequest(f"must be at least n, which is {n}", "best_of")
    if best_of is not None and best_of > n and body.stream:
        raise InvalidRequest("the best cannot be known before the end; set stream to false", "best_of")
    return None if best_of == n else best_of

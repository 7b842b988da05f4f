"""Which tensors an architecture has and of what shapes: what a file lacks or has too much of is refused by name."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture, Weight

MOST_TYPES = 256
"""Kinds of segments that an encoder may tell apart; the file says how many."""


class Expected(msgspec.Struct, frozen=True):
    """One tensor; `bias` says whether one may come with it, and of what must be there."""

    shape: tuple[int, ...]
    required: bool = True
    bias: bool | None = None  # True: it must, None: it may, False: it may not


def check_weights(facts: Architecture, weights: Mapping[str, Weight], own_name: Callable[[str], str]) -> None:
    """Raises ModelInvalid for the first tensor that is missing, unknown or of another shape, by the file's own name."""
    known: dict[str, tuple[int, ...]] = {}

    def require(name: str, required: bool) -> None:
        if required and name not in weights:
            raise ModelInvalid("is missing", own_name(name))

    typed = facts.family == "bert" and facts.types
    require("types", typed)
    for name, expected in _expected(facts):
        known[name] = expected.shape
        require(name, expected.required)
        if expected.bias is not False:
            known[f"{name}_bias"] = expected.shape[:1]
            require(f"{name}_bias", expected.bias is True and name in weights)
    for name, weight in weights.items():
        if name == "types" and typed:
            known[name] = (min(max(weight.shape[0], 1), MOST_TYPES), facts.hidden)
        if name not in known:
            raise ModelInvalid(f"is no tensor of {facts.family} with {facts.num_layers} layers", own_name(name))
        if weight.shape != known[name]:
            raise ModelInvalid(f"must have the shape {list(known[name])}, has {list(weight.shape)}", own_name(name))


def _expected(facts: Architecture) -> Iterator[tuple[str, Expected]]:
    modern = facts.family == "modernbert"
    yield "embed", Expected((facts.vocabulary, facts.hidden), bias=False)
    yield from _modern_encoder(facts) if modern else _encoder(facts) if facts.family == "bert" else _decoder(facts)
    for layer in range(facts.num_layers):
        for name, expected in _layer(facts):
            if not (modern and layer == 0 and name == "attention_norm"):
                yield f"layers.{layer}.{name}", expected


def _decoder(facts: Architecture) -> Iterator[tuple[str, Expected]]:
    yield "norm", Expected((facts.hidden,), bias=False)
    if not facts.tied:
        yield "head", Expected((facts.vocabulary, facts.hidden), required=facts.generates)


def _encoder(facts: Architecture) -> Iterator[tuple[str, Expected]]:
    yield "positions", Expected((facts.max_context, facts.hidden), bias=False)
    yield "embed_norm", Expected((facts.hidden,), bias=True)
    if facts.distances:
        yield "distances", Expected((facts.distances, facts.heads), bias=False)
    yield "pooler", Expected((facts.hidden, facts.hidden), required=bool(facts.labels), bias=True)
    if facts.labels:
        yield "classifier", Expected((facts.labels, facts.hidden), bias=True)


def _modern_encoder(facts: Architecture) -> Iterator[tuple[str, Expected]]:
    for name in ("embed_norm", "norm"):
        yield name, Expected((facts.hidden,))
    yield "pooler", Expected((facts.hidden, facts.hidden), required=bool(facts.labels))
    yield "pooler_norm", Expected((facts.hidden,), required=bool(facts.labels))
    if facts.labels:
        yield "classifier", Expected((facts.labels, facts.hidden), bias=True)


def _layer(facts: Architecture) -> Iterator[tuple[str, Expected]]:
    hidden, inner = facts.hidden, facts.intermediate
    queries, keys = facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    for name, rows in (("q", queries), ("k", keys), ("v", keys)):
        yield name, Expected((rows, hidden))
    yield "o", Expected((hidden, queries))
    for name in ("attention_norm", "ffn_norm") if facts.pre_norms else ():
        yield name, Expected((hidden,), bias={"bert": True, "modernbert": None}.get(facts.family, False))
    if facts.post_norms:
        for name in ("post_attention_norm", "post_ffn_norm"):
            yield name, Expected((hidden,), bias=False)
    if facts.qk_norm:
        for name, width in (("q_norm", queries), ("k_norm", keys)):
            yield name, Expected((width if facts.joint_qk_norm else facts.head_dim,), bias=False)
    if facts.family != "bert":
        yield "gate", Expected((inner, hidden))
    yield "up", Expected((inner, hidden))
    yield "down", Expected((hidden, inner))

"""A language model's file or folder -> a decoder that runs: planned, built or taken from the cache, paged, compiled."""

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import openvino as ov

from headrace.devices.huge_pages import begin_to_move
from headrace.devices.inventory import cpu_features
from headrace.errors import ModelInvalid
from headrace.graphs.decoder import build_decoder, check
from headrace.graphs.linear import Precision
from headrace.graphs.tile_decoder import build_tile_decoder, fits_tiles
from headrace.kernels.library import NONE, library
from headrace.kernels.operations import MOST_WIDTH
from headrace.runtimes.four_bits import widths_of
from headrace.runtimes.held_bytes import HELD_BYTES
from headrace.runtimes.openvino import core
from headrace.runtimes.openvino_cache import Beside, GraphCache, compile_graph, graph_key, in_idle_time, know
from headrace.runtimes.openvino_ir import cached_heads, ir_checkpoint, is_ir, num_weights, read_ir
from headrace.runtimes.openvino_language import OpenVinoLanguage
from headrace.runtimes.openvino_lone import ENOUGH, for_one_token
from headrace.runtimes.openvino_paged import complete, paged, sampling
from headrace.runtimes.openvino_plan import Asked, Kernels, KvAsked, Plan, plan
from headrace.runtimes.openvino_second import SecondGraph, is_small
from headrace.runtimes.reasons import openvino_reason
from headrace.runtimes.second_room import second_bytes
from headrace.weights.checkpoint import Architecture, Checkpoint
from headrace.weights.open import open_checkpoint
from headrace.weights.reach import reaching

ENDS = ("embed", "head")
"""Matrices that a precision holds in a form of their own."""


class Choices(msgspec.Struct, frozen=True):
    """What the settings leave to choose of a decoder."""

    threads: int
    precision: Asked = "auto"
    kv_precision: KvAsked = "auto"
    kernels: Kernels = "auto"
    max_context: int = 0  # 0: what the model was made for
    cache: Path | None = None  # folder for graphs; None: they are built at every start
    most_second_bytes: int | None = None  # that second graphs may take; None: nobody counts


class Opened(msgspec.Struct, frozen=True):
    """A decoder whose cache is yet to be allocated, and what is known of it."""

    checkpoint: Checkpoint
    model: OpenVinoLanguage
    plan: Plan
    parameters: int  # weights in all
    second_bytes: int = 0  # that second graphs may come to take


Made = tuple[ov.CompiledModel, int]
"""A model, and how many weights it has."""

Compiled = Callable[[Callable[[], ov.Model], Callable[[ov.Model], None]], ov.CompiledModel]
"""Takes what builds a graph, and what adds to one that was kept what its file does not hold."""


def open_model(path: Path) -> Checkpoint:
    """What the file or folder says, whichever of the formats it has; nothing is computed. Raises ModelInvalid."""
    return ir_checkpoint(path) if is_ir(path) else open_checkpoint(path)


def load_language(
    path: Path, choices: Choices, checkpoint: Checkpoint | None = None, beside: Beside = in_idle_time
) -> Opened:
    """Make a decoder ready for `allocate` and `warm_up`; `checkpoint`, where the caller has opened the path already.

    `beside` writes the graph for the next start, so that this one need not wait for the disk.
    Raises ModelInvalid with the field that is wrong or not supported.
    """
    return planned(path, choices, checkpoint or open_model(path), beside)()


def planned(
    path: Path,
    choices: Choices,
    checkpoint: Checkpoint,
    beside: Beside = in_idle_time,
    built: Callable[[], object] = lambda: None,
) -> Callable[[], Opened]:
    """What is left to do once it is known what is to be made, and may be left to a thread. Both raise as
    `load_language`.

    Once it is `built` it hardly needs the interpreter, as from its beginning on where a graph was kept: until then it
    waits for it where others load beside it.
    """
    facts = reaching(checkpoint.architecture, choices.max_context)
    checkpoint = msgspec.structs.replace(checkpoint, architecture=facts)
    max_context = min(choices.max_context or facts.max_context, facts.max_context)
    has_graph = checkpoint.source == "openvino"
    chosen = _chosen(choices, checkpoint)
    options = chosen.options(choices.threads)
    lone: SecondGraph | None = None
    many: SecondGraph | None = None
    later_bytes = 0
    if has_graph:
        made = partial(_of_ir, path, checkpoint.digest, options, choices.cache)
        built()
    else:
        check(facts)
        made_of = (chosen.precision, chosen.tile_attention)
        key = graph_key([checkpoint.digest, facts, made_of, max_context, sorted(options.items())])
        graphs = GraphCache(choices.cache, beside=beside)
        if graphs.holds(key):
            built()
        compiled = partial(graphs.compiled, key, options)
        made = partial(_of_weights, checkpoint, chosen, max_context, compiled, built)
        kept, second = partial(graphs.holds, key), partial(_second, graphs, key, facts)
        each_bytes = second_bytes(
            _held_bytes(checkpoint, chosen.precision), in_common=chosen.precision.library is not None
        )
        if chosen.tiles_from and _have_room(each_bytes, choices):
            many = SecondGraph(partial(second, chosen.tiles_options(choices.threads)), kept)
            later_bytes += each_bytes
        if _have_room(later_bytes + each_bytes, choices):
            lone = SecondGraph(partial(second, options, for_one_token), kept, enough=ENOUGH)
            later_bytes += each_bytes

    def opened() -> Opened:
        try:
            model, parameters = made()
        except RuntimeError as error:
            raise ModelInvalid(openvino_reason(str(error)), path.name) from error
        finally:
            built()
        threads = 1 if chosen.tile_attention else choices.threads  # ours adds up in one order for any number
        language = OpenVinoLanguage(model, max_context, threads, chosen.exact, lone, many, chosen.tiles_from)
        return Opened(checkpoint, language, chosen, parameters, later_bytes if choices.cache else 0)

    return opened


def _chosen(choices: Choices, checkpoint: Checkpoint) -> Plan:
    """How it is held and computed; a folder's own graph keeps its attention and its products."""
    facts, features = checkpoint.architecture, cpu_features()
    kinds = [weight.kind for weight in checkpoint.weights.values() if len(weight.shape) > 1]
    widths = widths_of(checkpoint.weights)
    if checkpoint.source == "openvino":
        return plan(choices.precision, choices.kv_precision, kinds, widths, features)
    ours = choices.kernels == "auto" and max(widths, default=0) <= MOST_WIDTH
    kernels = library(choices.cache, features) if ours else NONE
    if kernels.path is not None:
        know(kernels.path)
    capped, fit = bool(facts.attention_softcap), fits_tiles(facts)
    return plan(choices.precision, choices.kv_precision, kinds, widths, features, capped, kernels, fit)


def _have_room(num_bytes: int, choices: Choices) -> bool:
    """Whether second graphs may take so much."""
    return choices.most_second_bytes is None or num_bytes <= choices.most_second_bytes


def _held_bytes(checkpoint: Checkpoint, precision: Precision) -> int:
    """About what its weights take as they are held."""
    rest, ends = HELD_BYTES[precision.weights], HELD_BYTES[precision.head]
    sizes = ((prod(each.shape), ends if name in ENDS else rest) for name, each in checkpoint.weights.items())
    return int(sum(size * num_bytes for size, num_bytes in sizes))


def _of_weights(
    checkpoint: Checkpoint, chosen: Plan, max_context: int, compiled: Compiled, built: Callable[[], object]
) -> Made:
    """A graph of its own making."""
    facts = checkpoint.architecture

    def build() -> ov.Model:
        if chosen.tile_attention:
            model = sampling(build_tile_decoder(checkpoint, chosen.precision, max_context))
        else:
            model = paged(build_decoder(checkpoint, chosen.precision, max_context), facts)
        built()
        return model

    model = compiled(build, lambda graph: complete(graph, facts.kv_heads, facts.head_dim))
    return model, sum(prod(weight.shape) for weight in checkpoint.weights.values())


def _second(
    graphs: GraphCache,
    key: str,
    facts: Architecture,
    options: Mapping[str, Any],
    changed: Callable[[ov.Model], ov.Model] = lambda graph: graph,
) -> ov.CompiledModel | None:
    """From the graph that was kept, so that none need be held until it is wanted."""
    graph = graphs.read(key)
    if not is_small(graph):
        return None
    complete(graph, facts.kv_heads, facts.head_dim)
    compiled = compile_graph(changed(graph), options)
    begin_to_move()  # as was done with what was there before
    return compiled


def _of_ir(path: Path, digest: str, options: Mapping[str, Any], cache: Path | None) -> Made:
    """A folder's own graph, compiled.

    It is read at every start; to be paged and made ready takes most of the time. What a kept graph must be told is read
    from it too: where layers differ, nothing is kept.
    """
    graph = read_ir(core(), path)
    parameters, heads = num_weights(graph), cached_heads(graph)
    kept = GraphCache(cache if heads else None)
    key = graph_key([digest, heads, sorted(options.items())])
    compiled = kept.compiled(key, options, lambda: paged(graph), lambda found: complete(found, *heads or (0, 0)))
    return compiled, parameters

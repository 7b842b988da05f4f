"""Which fields of Triton's model configuration are honoured, which are refused, and which only named in a warning."""

from collections.abc import Iterator, Sequence
from typing import Any

from headrace.errors import ModelInvalid

HONOURED = {
    "name",
    "platform",
    "backend",
    "max_batch_size",
    "default_model_filename",
    "version_policy.latest.num_versions",
    "version_policy.all",
    "version_policy.specific.versions",
    "input.name",
    "input.data_type",
    "input.dims",
    "input.reshape.shape",
    "input.optional",
    "output.name",
    "output.data_type",
    "output.dims",
    "output.reshape.shape",
    "output.label_filename",
    "dynamic_batching.max_queue_delay_microseconds",
    "dynamic_batching.default_queue_policy.max_queue_size",
    "instance_group.count",
    "instance_group.kind",
    "model_warmup.name",
    "model_warmup.batch_size",
    "model_warmup.count",
    "model_warmup.inputs.data_type",
    "model_warmup.inputs.dims",
    "model_warmup.inputs.zero_data",
    "model_warmup.inputs.random_data",
    "model_warmup.inputs.input_data_file",
    "parameters.string_value",
    "response_cache.enable",
}
"""Paths without indices and keys; a field outside this table and the next is named in a warning."""

REFUSED = {
    "ensemble_scheduling": "a model made of other models",
    "sequence_batching": "a model that keeps state between requests",
    "model_transaction_policy.decoupled": "a model that answers a request any number of times",
    "input.is_shape_tensor": "an input whose values are shapes",
    "output.is_shape_tensor": "an output whose values are shapes",
    "input.allow_ragged_batch": "a batch of rows of different shapes",
    "batch_input": "an input made from the whole batch",
    "batch_output": "an output split by the whole batch",
}
"""Fields that change what the model answers, and what they would make of it."""


Path = tuple[tuple[str, str], ...]
"""Of each step: the field's name, and the same with index or key."""


def refuse_what_changes_answers(config: Any, file: str) -> None:
    """Raises ModelInvalid for a field that is set, not honoured, and would change answers."""
    for path in _set_fields(config):
        for end in range(1, len(path) + 1):
            if what := REFUSED.get(_plain(path[:end])):
                where = f"{file}: {_shown(path[:end])}"
                raise ModelInvalid(f"{what} is not offered here; serve the model without it", where)


def warn_of_the_rest(config: Any, file: str) -> list[str]:
    """One warning for each field that is set and not honoured, by the shortest path that holds nothing honoured."""
    unread = dict.fromkeys(_shown(_shortest(path)) for path in _set_fields(config) if not _is_honoured(path))
    return [f"{file}: {path} is not honoured" for path in unread]


def _set_fields(message: Any, outer: Path = ()) -> Iterator[Path]:
    """The path of every field that is set and has no set fields below it."""
    for field, value in message.ListFields():
        for at, item in _items(field, value):
            path = (*outer, (field.name, f"{field.name}{at}"))
            if hasattr(item, "ListFields") and item.ListFields():
                yield from _set_fields(item, path)
            else:
                yield path


def _items(field: Any, value: Any) -> Sequence[tuple[str, Any]]:
    """A field's value, or each of its messages where it has several, with its index or key."""
    if field.message_type is None or hasattr(value, "ListFields"):
        return [("", value)]
    if field.message_type.GetOptions().map_entry:
        return [(f"[{key!r}]", value[key]) for key in sorted(value)]
    return [(f"[{index}]", item) for index, item in enumerate(value)]


def _is_honoured(path: Path) -> bool:
    """Whether it is honoured itself, or is an empty message for something that is read."""
    plain = _plain(path)
    return any(read == plain or read.startswith(f"{plain}.") for read in (*HONOURED, *REFUSED))


def _shortest(path: Path) -> Path:
    """The outermost part of a path that has nothing honoured in it."""
    return next(path[:end] for end in range(1, len(path) + 1) if not _is_honoured(path[:end]))


def _plain(path: Path) -> str:
    return ".".join(name for name, _ in path)


def _shown(path: Path) -> str:
    return ".".join(shown for _, shown in path)

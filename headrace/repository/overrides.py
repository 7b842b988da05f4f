"""What one file says of a model, and how several such files add up."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from headrace.repository.version_policy import VersionPolicy
from headrace.types import Batching, Cache, DriftChoices, LanguageChoices, Objective, TensorSpec, WarmUp

SCALARS = (
    "runtime",
    "device",
    "isolation",
    "instances",
    "threads",
    "version_policy",
    "filename",
    "cache",
    "allow_signature_change",
    "labels",
)
TENSORS = ("inputs", "outputs")
WHOLE = ("warm_up", "variant", "variants")


class SaidVariant(msgspec.Struct, frozen=True):
    """What a configuration says of a variant."""

    name: str
    accuracy: float
    file: str = ""  # inside the version's folder; empty: the model's own file
    runtime: str = ""  # empty: by the file's suffix


class Overrides(msgspec.Struct, frozen=True):
    """What a configuration says, in the Manifest's words; None or empty where it says nothing."""

    runtime: str | None = None
    device: str | None = None
    isolation: str | None = None
    instances: int | None = None
    threads: int | None = None
    version_policy: VersionPolicy | None = None
    filename: str | None = None  # of the model, inside the version's folder
    allow_signature_change: bool | None = None
    labels: Mapping[str, int] | None = None
    cache: Cache | Literal[False] | None = None  # False: none, whatever others say
    batching: Batching = Batching()
    objective: Objective = Objective()
    drift: DriftChoices = DriftChoices()
    llm: LanguageChoices = LanguageChoices()
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    warm_up: tuple[WarmUp, ...] = ()
    variant: SaidVariant | None = None  # the model's own file
    variants: tuple[SaidVariant, ...] = ()  # the others
    parameters: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()
    config: Mapping[str, Any] = {}  # a Triton configuration as JSON


class Layer(msgspec.Struct, frozen=True):
    """What one source said."""

    source: str  # "model.toml", "config.pbtxt", ...
    says: Overrides


def combine(layers: Sequence[Layer]) -> tuple[Overrides, dict[str, str]]:
    """All that the layers say, the first of them winning key by key, and the source of each key.

    Batching, objective, drift, llm and parameters are joined by key, tensors by name; warm-up runs and variants are
    taken whole from one layer.
    """
    said: dict[str, Any] = {}
    provenance: dict[str, str] = {}
    for layer in layers:
        for key, value in _statements(layer.says):
            if key not in said:
                said[key] = value
                provenance[key] = layer.source
    fields: dict[str, Any] = {key: said[key] for key in (*SCALARS, *WHOLE) if key in said}
    fields["config"] = next((layer.says.config for layer in layers if layer.says.config), {})
    fields |= {key: tuple(_under(said, key).values()) for key in TENSORS}
    fields["batching"] = Batching(**_under(said, "batching"))
    fields["objective"] = Objective(**_under(said, "objective"))
    fields["drift"] = DriftChoices(**_under(said, "drift"))
    fields["llm"] = LanguageChoices(**_under(said, "llm"))
    fields["parameters"] = _under(said, "parameters")
    fields["warnings"] = tuple(warning for layer in layers for warning in layer.says.warnings)
    return Overrides(**fields), provenance


def _statements(says: Overrides) -> Iterable[tuple[str, Any]]:
    """Each thing said, under the key that it may be overridden by."""
    for key in SCALARS:
        if (value := getattr(says, key)) is not None:
            yield key, value
    tables = {"batching": says.batching, "objective": says.objective, "drift": says.drift, "llm": says.llm}
    for table, choices in tables.items():
        for key, value in msgspec.structs.asdict(choices).items():
            if value is not None:
                yield f"{table}.{key}", value
    for key in TENSORS:
        for spec in getattr(says, key):
            yield f"{key}.{spec.name}", spec
    for key, value in says.parameters.items():
        yield f"parameters.{key}", value
    for key in WHOLE:
        if value := getattr(says, key):
            yield key, value


def _under(said: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(f"{prefix}."): value for key, value in said.items() if key.startswith(f"{prefix}.")}

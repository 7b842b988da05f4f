"""One model's folder or file -> a manifest for each version that is right, and a reason for each that is not."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from headrace.errors import ModelInvalid
from headrace.repository.company import check_company
from headrace.repository.configuration import read_configuration
from headrace.repository.dangling import check_links
from headrace.repository.foreign import advice
from headrace.repository.language_model import check_language, check_tensors
from headrace.repository.manifest import parse_model_toml
from headrace.repository.model_files import (
    LANGUAGE,
    RUNTIME_OF,
    WHAT_IS_A_MODEL,
    check_runtime,
    choose,
    is_model_folder,
    suffix_of,
)
from headrace.repository.overrides import SCALARS, Layer, combine
from headrace.repository.pointers import check_fetched
from headrace.repository.references import check_readable, inside
from headrace.repository.side_by_side import check_side_by_side
from headrace.repository.variants import variants
from headrace.repository.version_policy import Latest, Specific, VersionPolicy
from headrace.types import Manifest, VersionStatus

BESIDE_VERSIONS = {"warmup", "initial_state", "configs"}
"""Folders that Triton's layout knows beside the versions."""

MAX_VERSION = 2**63 - 1

_LACKS = ", and the folder has only: "


class ModelVersions(msgspec.Struct, frozen=True):
    """What a folder says of one model: the versions that are right, what is wrong, and which to serve."""

    manifests: tuple[Manifest, ...] = ()
    broken: tuple[VersionStatus, ...] = ()
    policy: VersionPolicy = Latest(1)
    labels: Mapping[str, int] = {}


class _Contents(msgspec.Struct, frozen=True):
    """A model's folder, sorted: the places that claim each version, and the folders that are out of place."""

    places: Mapping[int, Sequence[Path]]
    strays: Sequence[str]


def read_model_file(name: str, path: Path, config: Mapping[str, Any] | None = None) -> ModelVersions:
    """The versions of a model that is one file: version 1. `config` is as for `read_model_folder`."""
    try:
        layers = [] if config is None else [_requested(name, path.parent, config)]
        manifest = _manifest(name, 1, path, path.parent, layers)
    except (ModelInvalid, OSError) as error:
        return ModelVersions(broken=(unavailable(name, 1, error),))
    beside = [file for file in ("model.toml", "config.pbtxt") if (path.parent / file).exists()]
    warnings = tuple(f"{file} beside {path.name} is not read: put both into a folder called {name}" for file in beside)
    policy = combine(layers)[0].version_policy or Latest(1)
    return ModelVersions((msgspec.structs.replace(manifest, warnings=manifest.warnings + warnings),), (), policy)


def read_model_folder(name: str, folder: Path, config: Mapping[str, Any] | None = None) -> ModelVersions:
    """The versions of a model that has a folder. Never raises for what is wrong in it: that is in `broken`.

    `config` is a Triton model configuration as JSON: it stands in for config.pbtxt and goes before model.toml.
    """
    try:
        contents = _contents(folder)
    except PermissionError as error:  # whichever of its files was looked for first
        closed = PermissionError(error.errno, error.strerror, str(folder))
        return ModelVersions(broken=(unavailable(name, None, closed),))
    except OSError as error:
        return ModelVersions(broken=(unavailable(name, None, error),))
    broken = [unavailable(name, None, reason) for reason in contents.strays]
    try:
        layers = _layers(name, folder, config)
        if not contents.places:
            check_links(folder)
            expected = f"{WHAT_IS_A_MODEL}, here or in a version's folder such as 1/"
            raise ModelInvalid(f"holds no model: expected {expected}{advice([folder, *folder.iterdir()])}")
    except (ModelInvalid, OSError) as error:
        broken += [unavailable(name, number, error) for number in contents.places or (None,)]
        return ModelVersions(broken=tuple(broken))
    manifests = []
    for number, places in sorted(contents.places.items()):
        try:
            manifests.append(_version(name, number, places, folder, layers))
        except (ModelInvalid, OSError) as error:
            broken.append(unavailable(name, number, error))
    said, _ = combine(layers)
    policy = said.version_policy or Latest(1)
    labels = said.labels or {}
    missing = _missing(name, policy, labels, contents.places)
    return ModelVersions(tuple(manifests), (*broken, *missing), policy, labels)


def is_lacking(status: VersionStatus) -> bool:
    """Whether the folder has nothing at all of a version that is asked for."""
    return status.state == "UNAVAILABLE" and _LACKS in status.reason


def unavailable(name: str, version: int | None, reason: Exception | str) -> VersionStatus:
    """A status that says why a version, or a folder without one, cannot be served."""
    if isinstance(reason, OSError):
        hint = "; let the server's user read it" if isinstance(reason, PermissionError) else ""
        what = Path(reason.filename or name).name  # no path: clients see it
        reason = f"{what} cannot be read: {reason.strerror}{hint}"
    return VersionStatus(name, version, "UNAVAILABLE", str(reason))


def is_hidden(path: Path) -> bool:
    """Whether a folder or file is no part of a repository, whatever it holds."""
    return path.name.startswith(".") or path.name == "__pycache__"


def is_version(name: str) -> bool:
    """Whether a folder of this name is a version: 1, v10, 007."""
    return _version_number(name) is not None


def _contents(folder: Path) -> _Contents:
    if is_model_folder(folder):
        return _Contents({1: [folder]}, [])
    places: defaultdict[int, list[Path]] = defaultdict(list)
    files, others = [], []
    for child in sorted(folder.iterdir()):
        if is_hidden(child):
            continue
        number = _version_number(child.name)
        if number is not None and child.is_dir():
            places[number].append(child)
        elif suffix_of(child):
            files.append(child)
        elif child.is_dir() and child.name not in BESIDE_VERSIONS:
            others.append(child)
    if files:
        places[1].append(folder)
    strays = [child.name for child in others if not files or _may_hold_a_model(child)]
    return _Contents(
        places, [f"{name}/ is neither a version (a number from 1, as in 1/ or v1/) nor a model" for name in strays]
    )


def _may_hold_a_model(folder: Path) -> bool:
    """Beside a model's own file other folders are its data: weights that it names, say."""
    try:
        return any(map(suffix_of, folder.iterdir()))
    except OSError:
        return True


def _version_number(name: str) -> int | None:
    digits = re.fullmatch(r"v?([0-9]+)", name)
    number = int(digits[1]) if digits else 0
    return number if 0 < number <= MAX_VERSION else None


def _layers(name: str, folder: Path, config: Mapping[str, Any] | None) -> list[Layer]:
    """What is said of all versions, the strongest first."""
    layers = [] if config is None else [_requested(name, folder, config)]
    if (toml := folder / "model.toml").exists():
        layers.append(Layer("model.toml", parse_model_toml(read_configuration(toml, "model.toml"), folder)))
    if config is None and (pbtxt := folder / "config.pbtxt").exists():
        from headrace.repository.triton_config import parse_pbtxt  # protobuf, which most repositories do without

        layers.append(Layer("config.pbtxt", parse_pbtxt(read_configuration(pbtxt, "config.pbtxt"), name, folder)))
    return layers


def _requested(name: str, folder: Path, config: Mapping[str, Any]) -> Layer:
    from headrace.repository.triton_config import parse_json

    source = "parameters.config"
    return Layer(source, parse_json(config, name, folder, source))


def _version(name: str, number: int, places: Sequence[Path], folder: Path, layers: Sequence[Layer]) -> Manifest:
    """The manifest of one version. Raises ModelInvalid, OSError."""
    if len(places) > 1:
        both = " and ".join(
            sorted("the model's own folder" if place == folder else f"{place.name}/" for place in places)
        )
        raise ModelInvalid(f"version {number} is there twice: in {both}; leave one")
    place = places[0]
    layers = _with_version_toml(place, folder, layers)
    said, _ = combine(layers)
    if said.filename is not None:
        path: Path | None = inside(place, said.filename, "default_model_filename")
    elif is_model_folder(place, said.runtime):
        path = place
    else:
        children = [child for child in place.iterdir() if not is_hidden(child)]
        files = [child for child in children if place != folder or _version_number(child.name) is None]
        variants_too = {each.file for each in said.variants}
        path = choose([file for file in files if file.name not in variants_too], said.runtime)
        path = path or choose(files, said.runtime)  # a variant may be the same file, run otherwise
    if path is None:
        check_links(place)
        raise ModelInvalid(f"{place.name}/ holds no model: expected {WHAT_IS_A_MODEL}{advice(place.iterdir())}")
    return _manifest(name, number, path, folder, layers)


def _with_version_toml(place: Path, folder: Path, layers: Sequence[Layer]) -> Sequence[Layer]:
    """The layers with a version's own model.toml among them: after a load request, before all files."""
    toml = place / "model.toml"
    if place == folder or not toml.exists():
        return layers
    source = f"{place.name}/model.toml"
    says = parse_model_toml(read_configuration(toml, source), folder, source)
    if says.version_policy is not None:
        raise ModelInvalid("belongs to the model.toml of the model's folder", f"{source}: version_policy")
    if says.labels is not None:
        raise ModelInvalid("belong to the model.toml of the model's folder", f"{source}: labels")
    at = sum(layer.source == "parameters.config" for layer in layers)
    return [*layers[:at], Layer(source, says), *layers[at:]]


def _manifest(name: str, number: int, path: Path, folder: Path, layers: Sequence[Layer]) -> Manifest:
    said, provenance = combine(layers)
    if not path.exists():
        raise ModelInvalid(f"{path.name} is a link to a file that is not there")
    check_readable(path)
    check_links(path)
    check_fetched(path)
    runtime = said.runtime or RUNTIME_OF.get(suffix_of(path), "")
    if not runtime:
        raise ModelInvalid(f"{path.name} has no known suffix; say which runtime reads it, in model.toml")
    source = provenance.get("runtime", path.name)
    check_runtime(runtime, path, f"{source}: {_runtime_field(source, said.config)}")
    if runtime in LANGUAGE:
        check_language(said, provenance)
    else:
        check_tensors(provenance)
        check_side_by_side(said, provenance)
        check_company(said, provenance)
    defaults = dict.fromkeys(SCALARS, "default") | {"runtime": "file", "filename": "file"}
    return Manifest(
        name=name,
        version=number,
        path=path,
        runtime=runtime,
        folder=folder,
        device=said.device or "cpu",
        isolation=cast(Literal["process", "none"] | None, said.isolation),
        instances=said.instances,
        threads=said.threads,
        inputs=said.inputs,
        outputs=said.outputs,
        batching=said.batching,
        objective=said.objective,
        cache=said.cache or None,
        allow_signature_change=said.allow_signature_change,
        llm=said.llm,
        warm_up=said.warm_up,
        drift=said.drift,
        parameters=said.parameters,
        variants=variants(said, path, runtime, provenance),
        provenance=defaults | provenance,
        warnings=said.warnings,
        config=said.config,
    )


def _runtime_field(source: str, config: Mapping[str, Any]) -> str:
    """What the source calls a runtime; Triton has two words for it."""
    if source.endswith("model.toml"):
        return "runtime"
    return "backend" if "backend" in config else "platform"


def _missing(
    name: str, policy: VersionPolicy, labels: Mapping[str, int], there: Collection[int]
) -> Iterable[VersionStatus]:
    """The versions that a policy or labels name and the folder lacks."""
    asking: defaultdict[int, list[str]] = defaultdict(list)
    for number in policy.versions if isinstance(policy, Specific) else ():
        asking[number] = ["version_policy asks for it"]
    for label, number in sorted(labels.items()):
        asking[number].append(f"label {label!r} is to lead to it")
    known = ", ".join(map(str, sorted(there)))
    for number in sorted(asking.keys() - set(there)):
        yield unavailable(name, number, f"{', '.join(asking[number])}{_LACKS}{known}")

"""The files that answer for a model version, as its configuration names them: its own and the others."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from headrace.errors import ModelInvalid
from headrace.repository.model_files import LANGUAGE, RUNTIME_OF, check_runtime, suffix_of
from headrace.repository.overrides import Overrides, SaidVariant
from headrace.repository.references import inside
from headrace.types import Manifest, Variant

OWN = "default"
"""What the model's own file is called as a variant, where nobody says otherwise."""

VARIANT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


def variants(said: Overrides, path: Path, runtime: str, provenance: Mapping[str, str]) -> tuple[Variant, ...]:
    """The model's own file, which is at `path`, and the others; nothing where there are no others.

    Raises ModelInvalid, naming the key at fault.
    """
    if not said.variants:
        if said.variant:
            raise ModelInvalid("says what the file is as a variant; name others in [[variants]]", _at(provenance, ""))
        return ()
    own = said.variant or SaidVariant(OWN, 1.0)
    where = _at(provenance, "s")
    _check_names((own, *said.variants), where)
    files = [Variant(own.name, path, runtime, own.accuracy)]
    for index, each in enumerate(said.variants):
        files.append(_variant(each, path.parent, f"{where}[{index}]"))
    return tuple(files)


def files_of(manifest: Manifest) -> list[tuple[str, Manifest]]:
    """Each variant's name, and the manifest as if its file were the only one; without variants the manifest itself."""
    if not manifest.variants:
        return [("", manifest)]
    alone = msgspec.structs.replace(manifest, variants=())
    return [
        (
            each.name,
            msgspec.structs.replace(alone, path=each.path, runtime=each.runtime, variant=each.name, joins=place > 0),
        )
        for place, each in enumerate(manifest.variants)
    ]


def _variant(said: SaidVariant, folder: Path, where: str) -> Variant:
    path = inside(folder, said.file, f"{where}.file")
    runtime = said.runtime or RUNTIME_OF.get(suffix_of(path), "")
    if not runtime:
        raise ModelInvalid(f"{said.file!r} has no known suffix; say which runtime reads it", f"{where}.runtime")
    if runtime in LANGUAGE:
        raise ModelInvalid(f"{said.file!r} is a language model, which cannot be a variant", f"{where}.file")
    check_runtime(runtime, path, f"{where}.runtime")
    return Variant(said.name, path, runtime, said.accuracy)


def _check_names(said: Sequence[SaidVariant], where: str) -> None:
    names = [each.name for each in said]
    for index, name in enumerate(names):
        if name in names[:index]:
            whose = " (the model's own file has it)" if name == names[0] else ""
            raise ModelInvalid(f"{name!r} is there twice{whose}; give each its own", f"{where}[{index - 1}].name")


def _at(provenance: Mapping[str, str], plural: str) -> str:
    key = f"variant{plural}"
    return f"{provenance.get(key, 'model.toml')}: {key}"

"""A folder of models, or one model file -> what could be served."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

import msgspec

from headrace.errors import HeadraceError, ModelInvalid, ModelNotFound, SettingInvalid
from headrace.repository.file_facts import Facts, facts_of, facts_with_folders
from headrace.repository.foreign import advice
from headrace.repository.model_files import RUNTIME_OF, is_model_folder, name_of, suffix_of
from headrace.repository.model_folder import (
    ModelVersions,
    is_hidden,
    is_version,
    read_model_file,
    read_model_folder,
    unavailable,
)
from headrace.repository.version_policy import VersionPolicy
from headrace.types import Manifest, VersionStatus


class Catalog(msgspec.Struct, frozen=True):
    """What a repository holds: every version that is right, a reason for each that is not, a policy by model name."""

    manifests: tuple[Manifest, ...]
    broken: tuple[VersionStatus, ...]
    policy: Mapping[str, VersionPolicy]
    labels: Mapping[str, Mapping[str, int]] = {}


def nothing_there(name: str, catalog: Catalog) -> HeadraceError:
    """Why none of its versions can be wanted."""
    for broken in catalog.broken:
        if broken.name == name:
            version = f"version {broken.version}: " if catalog.manifests else ""
            return ModelInvalid(version + broken.reason)
    return ModelNotFound(f"model {name!r} is not in the repository")


class LocalRepository:
    """Models under a local path: `NAME/VERSION/model.onnx`, `NAME/model.onnx`, `NAME.onnx`, or the path is the file.

    Each call looks at the disk anew; nothing is kept. A model's name is only ever compared with the names
    that a listing of the path gives, so no name leads anywhere else.
    """

    def __init__(self, path: Path) -> None:
        """Where the path is a link, or leads through one, each call follows it anew."""
        self.path = path.absolute()

    def scan(self) -> Catalog:
        """Every model. Raises SettingInvalid where the path is neither a folder nor a model file."""
        entries = self._entries()
        return _catalog((name, _read(name, places)) for name, places in sorted(entries.items()))

    def find(self, name: str, config: Mapping[str, Any] | None = None) -> Catalog:
        """One model, read anew; `config`, a Triton model configuration as JSON, stands in for its config.pbtxt.

        Raises ModelNotFound where the path has no model of that name, SettingInvalid as `scan`.
        """
        places = self._entries().get(name)
        if places is None:
            raise ModelNotFound(f"model {name!r} is not in the repository")
        return _catalog([(name, _read(name, places, config))])

    def look(self, name: str) -> Catalog:
        """One model as it is now, also where there is none of that name. Raises SettingInvalid as `scan`."""
        places = self._entries().get(name)
        return _catalog([(name, _read(name, places) if places else ModelVersions())])

    def snapshot(self) -> dict[str, Facts]:
        """The files and folders of every model, by its name. Raises SettingInvalid as `scan`."""
        return {name: facts_with_folders(self._beside(places)) for name, places in self._entries().items()}

    def facts(self, manifest: Manifest) -> Facts:
        """The files that one version is made from, wherever its manifest came from; what is in the manifest is not."""
        path = manifest.path
        if path.is_dir():
            return facts_of([path])
        if self._is_root(path.parent):
            return facts_of(self._beside([path]))
        if manifest.folder is None or path.parent.resolve() != manifest.folder.resolve():
            return _without_configuration(facts_of([path.parent]))
        return _without_configuration(facts_of(child for child in path.parent.iterdir() if child.is_file()))

    def _is_root(self, folder: Path) -> bool:
        folder, root = folder.resolve(), self.path.resolve()
        return folder == root or (folder == root.parent and root.is_file())

    def _beside(self, places: Iterable[Path]) -> Iterable[Path]:
        """The places, and of a bare file all that share its stem: its weights may lie there."""
        for place in places:
            bare = place.is_file() and self._is_root(place.parent)
            yield from place.parent.glob(f"{escape(place.stem)}.*") if bare else (place,)

    def _entries(self) -> dict[str, list[Path]]:
        """The files and folders that claim each model name."""
        try:
            if self.path.is_file() or self.path.suffix == ".savedmodel" or is_model_folder(self.path):
                return self._one_file()
            children = sorted(child for child in self.path.iterdir() if not is_hidden(child))
            if _is_of_one_model(children):
                return {self.path.name: [self.path]}
        except OSError as error:
            raise SettingInvalid(f"{self.path} cannot be read: {error.strerror}", "repository") from None
        entries: defaultdict[str, list[Path]] = defaultdict(list)
        for child in children:
            if name := _name_of(child):
                entries[_in_text(name)].append(child)
        return entries

    def _one_file(self) -> dict[str, list[Path]]:
        path = self.path
        if path.is_file() and suffix_of(target := path.resolve()):
            path = target  # weights lie beside what a link leads to
        if path.name == "saved_model.pb":
            raise SettingInvalid(f"{path} is a part of a SavedModel; give its folder", "repository")
        if not suffix_of(path):
            known = ", ".join(suffix for suffix in RUNTIME_OF if suffix.startswith("."))
            what = f"{path} is not a model: its name should end in one of {known}{advice([path])}"
            raise SettingInvalid(what, "repository")
        return {name_of(self.path): [path]}


def _without_configuration(facts: Facts) -> Facts:
    """What these files say is in the manifest."""
    return tuple(fact for fact in facts if not fact.path.endswith(("/model.toml", "/config.pbtxt")))


def _is_of_one_model(children: Sequence[Path]) -> bool:
    """Whether a folder with these in it is a model's own: all its folders are versions, and no file is a model."""
    folders = [child for child in children if child.is_dir()]
    bare = any(_is_bare(child) for child in children)
    return bool(folders) and not bare and all(is_version(folder.name) for folder in folders)


def _name_of(child: Path) -> str | None:
    """The name of the model that an entry of the repository is, or None where it is none."""
    if _is_bare(child):
        return name_of(child)
    is_lost = child.is_symlink() and not child.exists()  # a folder that lies elsewhere, and is not there
    return child.name if child.is_dir() or is_lost else None


def _in_text(name: str) -> str:
    """The name with escapes for bytes that are not UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _is_bare(child: Path) -> bool:
    """Whether an entry is itself a model, rather than the folder of one."""
    return child.suffix.lower() == ".savedmodel" if child.is_dir() else bool(suffix_of(child))


def _read(name: str, places: list[Path], config: Mapping[str, Any] | None = None) -> ModelVersions:
    if len(places) > 1:
        names = " and ".join(place.name + "/" * place.is_dir() for place in places)
        return ModelVersions(broken=(unavailable(name, None, f"the name is there twice: {names}; rename one"),))
    (place,) = places
    if _in_text(place.name) != place.name:  # no protocol could name it
        return ModelVersions(broken=(unavailable(name, None, "its name on disk is not UTF-8; rename it"),))
    read = read_model_file if _is_bare(place) else read_model_folder
    return read(name, place, config)


def _catalog(models: Iterable[tuple[str, ModelVersions]]) -> Catalog:
    found = dict(models)
    return Catalog(
        manifests=tuple(manifest for model in found.values() for manifest in model.manifests),
        broken=tuple(status for model in found.values() for status in model.broken),
        policy={name: model.policy for name, model in found.items()},
        labels={name: model.labels for name, model in found.items() if model.labels},
    )

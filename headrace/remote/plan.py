"""What has to be fetched, put in place and taken away so that the mirror is as its repository. Pure; knows no disk."""

import re
from collections.abc import Mapping

import msgspec

from headrace.remote.listing import Listing, RemoteFile

ROOT = ""
"""The mirror's own folder, as a target."""

_VERSION = re.compile(r"v?[0-9]+")


class Unit(msgspec.Struct, frozen=True):
    """What is put in place by one rename: a version's folder, that of a model without versions, or a single file."""

    target: str
    files: tuple[RemoteFile, ...]

    @property
    def is_folder(self) -> bool:
        return self.files[0].path != self.target

    def same(self, other: "Unit | None") -> bool:
        if other is None or self.is_folder != other.is_folder:
            return False
        theirs = {file.path: file for file in other.files}
        return theirs.keys() == {file.path for file in self.files} and all(
            file.same(theirs[file.path]) for file in self.files
        )


class Plan(msgspec.Struct, frozen=True):
    """How one model comes to be as its repository has it: the steps in their order.

    Nothing in place is touched before all of `fetch` is there. `clear` is what stands in the way; what is new is placed
    before what tells of it (versions before model.toml), and what is gone leaves last.
    """

    name: str
    fetch: tuple[RemoteFile, ...]
    reuse: tuple[str, ...]  # paths whose files are in place already, below what is replaced
    clear: tuple[str, ...]
    place: tuple[Unit, ...]
    remove: tuple[str, ...]
    files: Listing  # the model's, once it is done


def plans(there: Listing, here: Listing) -> list[Plan]:
    """One for each model that differs, in the order in which they are to be carried out.

    Those that only take away go first, then files beside the models: a name may have been a folder and be a file now.
    """
    wanted, known = by_model(there), by_model(here)
    if is_one_model(there) != is_one_model(here):
        wanted, known = {ROOT: there}, {ROOT: here}
    made = (_plan(name, wanted.get(name, {}), known.get(name, {})) for name in sorted({*wanted, *known}))
    changing = [plan for plan in made if plan.clear or plan.place or plan.remove]
    return sorted(changing, key=lambda plan: bool(plan.place))


def record_after(plan: Plan, here: Listing) -> Listing:
    """What the mirror holds once the plan is carried out."""
    gone = [*plan.clear, *plan.remove, *(unit.target for unit in plan.place)]
    kept = {path: file for path, file in here.items() if not any(_lies_in(path, target) for target in gone)}
    return kept | {file.path: file for file in plan.files.values()}


def by_model(files: Listing) -> dict[str, Listing]:
    """The files of each model; those directly in the repository go together, since bare models may share them."""
    if is_one_model(files):
        return {ROOT: files}
    models: dict[str, dict[str, RemoteFile]] = {}
    for path, file in files.items():
        first, slash, _ = path.partition("/")
        models.setdefault(first if slash else ROOT, {})[path] = file
    return dict(models)


def is_one_model(files: Listing) -> bool:
    """Whether the repository is itself a model's folder."""
    weights = any(path.endswith(".safetensors") and "/" not in path for path in files)
    tokenizer = "tokenizer.json" in files or "openvino_tokenizer.xml" in files
    return (
        ("config.json" in files and weights)
        or "saved_model.pb" in files
        or ("openvino_model.xml" in files and tokenizer)
    )


def units(files: Listing) -> dict[str, Unit]:
    """What the files of one model are put in place as, by target."""
    if not files:
        return {}
    if is_one_model(files):
        return {ROOT: Unit(ROOT, _sorted(files))}
    versioned = {path.partition("/")[0] for path in files if _version_of(path)}
    targets: dict[str, dict[str, RemoteFile]] = {}
    for path, file in files.items():
        first, slash, _ = path.partition("/")
        whole = path if not slash else first if first not in versioned else _version_of(path) or path
        targets.setdefault(whole, {})[path] = file
    return {target: Unit(target, _sorted(held)) for target, held in targets.items()}


def _version_of(path: str) -> str:
    """The version's folder that a file lies in, or empty."""
    parts = path.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 and _VERSION.fullmatch(parts[1]) else ""


def _plan(name: str, there: Listing, here: Listing) -> Plan:
    wanted, known = units(there), units(here)
    place = [unit for target, unit in wanted.items() if not unit.same(known.get(target))]
    gone = known.keys() - wanted.keys()
    clear = {target for target in gone if any(_overlap(target, other) for other in wanted)}
    reuse = [file.path for unit in place for file in unit.files if file.same(here.get(file.path))]
    return Plan(
        name,
        fetch=tuple(file for unit in place for file in unit.files if file.path not in set(reuse)),
        reuse=tuple(reuse),
        clear=tuple(sorted(clear)),
        place=tuple(sorted(place, key=lambda unit: (not unit.is_folder, unit.target))),
        remove=tuple(sorted(gone - clear)),
        files=there,
    )


def _overlap(one: str, other: str) -> bool:
    """Whether one lies in the other."""
    return _lies_in(one, other) or _lies_in(other, one)


def _lies_in(path: str, target: str) -> bool:
    return target in {ROOT, path} or path.startswith(f"{target}/")


def _sorted(files: Mapping[str, RemoteFile]) -> tuple[RemoteFile, ...]:
    return tuple(files[path] for path in sorted(files))

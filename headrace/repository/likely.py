"""Which runtimes a repository's models will need, by a first look at the names of its files: a guess, soon made."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from headrace.errors import ModelInvalid
from headrace.repository.model_files import RUNTIME_OF, choose, suffix_of

MOST_LOOKED_AT = 64
"""Models; those of one repository are seldom of more kinds than its first ones are."""


def likely_runtimes(repository: Path) -> list[str]:
    """Of the file or folder, each once; what a model's configuration chooses instead is not known here."""
    found = {}
    with suppress(OSError):
        for model in islice(_models(repository), MOST_LOOKED_AT):
            found[RUNTIME_OF[suffix_of(model)]] = True
    return list(found)


def _models(repository: Path) -> Iterator[Path]:
    """The path itself, or what lies in it, bare or in a folder of its own with or without versions."""
    if suffix_of(repository):
        yield repository
        return
    for path in repository.iterdir():
        if suffix_of(path):
            yield path
        elif path.is_dir():
            versions = [each for each in path.iterdir() if each.name.isdecimal()]
            yield from filter(None, map(_chosen, versions or [path]))


def _chosen(folder: Path) -> Path | None:
    """The model of a version's folder, as far as names tell."""
    with suppress(ModelInvalid):
        return folder if suffix_of(folder) else choose(list(folder.iterdir()), None)
    return None

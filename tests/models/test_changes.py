"""What changed of a model since its versions were loaded."""

from pathlib import Path

from headrace.models.changes import Source, gone, standing
from headrace.repository.file_facts import FileFact
from headrace.types import Manifest


def source(version: int, size: int = 1) -> Source:
    return Source(Manifest("m", version, Path("m"), "fake"), (FileFact("m", size, 0, 0, 0),))


def test_what_is_served_from_the_same_files_stands() -> None:
    assert standing([1], {1: source(1)}, {1: source(1)}) == {1: "READY"}


def test_what_is_served_from_other_files_is_to_be_made_anew() -> None:
    assert standing([1], {1: source(1)}, {1: source(1, size=2)}) == {}


def test_what_failed_is_not_tried_again_from_the_same_files() -> None:
    assert standing([], {1: source(1)}, {1: source(1)}) == {1: "UNAVAILABLE"}
    assert standing([], {1: source(1)}, {1: source(1, size=2)}) == {}


def test_what_is_new_is_left_open() -> None:
    assert standing([1], {1: source(1)}, {1: source(1), 2: source(2)}) == {1: "READY"}


def test_what_cannot_be_read_now_stands() -> None:
    assert standing([1], {1: source(1)}, {2: source(2)}) == {1: "READY"}


def test_only_what_the_repository_has_in_no_form_is_gone() -> None:
    assert gone([1, 2, 3], [2, None]) == [1, 3]

"""Tests of the files that a configuration may name."""

import os
from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.references import MAX_LABELS_BYTES, inside, read_labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    model = tmp_path / "model"
    model.mkdir()
    (model / "way-out").symlink_to(tmp_path / "secret")
    (model / "loop").symlink_to(model / "loop")
    (model / "labels.txt").write_bytes(b"cat\r\ndog\n\nbird")
    (model / "not-text").write_bytes(b"cat\xff")
    return model


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "way-out", "x/../../secret", "../model-2", ".."])
def test_a_way_out_of_the_folder_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ModelInvalid, match=r"here: .* leads out of the model's folder"):
        inside(folder, name, "here")


@pytest.mark.parametrize("name", ["", "a\0b", "absent", "loop", "x" * 5000])
def test_what_is_no_file_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ModelInvalid):
        inside(folder, name, "here")


def test_a_pipe_is_refused_before_anybody_waits_for_its_writer(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(ModelInvalid, match="here: pipe is a pipe, a socket or a device; put a file there"):
        inside(folder, "pipe", "here")


def test_a_model_folder_that_is_a_link_is_its_own_root(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert inside(tmp_path / "link", "labels.txt", "here") == folder / "labels.txt"


def test_labels_are_the_lines_of_the_file(folder: Path) -> None:
    assert read_labels(folder, "labels.txt", "here") == ("cat", "dog", "", "bird")


def test_a_mark_before_the_first_label_is_none_of_it(folder: Path) -> None:
    (folder / "of-windows").write_text("\ufeffcat\r\ndog\r\n")
    assert read_labels(folder, "of-windows", "here") == ("cat", "dog")


def test_labels_that_are_not_text_are_refused(folder: Path) -> None:
    with pytest.raises(ModelInvalid, match="not UTF-8 at byte 3"):
        read_labels(folder, "not-text", "here")


def test_a_folder_of_labels_is_refused(folder: Path) -> None:
    (folder / "sub").mkdir()
    with pytest.raises(ModelInvalid, match="cannot be read: Is a directory"):
        read_labels(folder, "sub", "here")


def test_a_file_too_large_for_labels_is_not_read(folder: Path) -> None:
    with (folder / "huge").open("wb") as file:
        file.truncate(MAX_LABELS_BYTES + 1)
    with pytest.raises(ModelInvalid, match="larger than 16 MiB"):
        read_labels(folder, "huge", "here")

"""What a listing may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile, check_path, listing_of


@pytest.mark.parametrize("path", ["../a", "a/../b", "/a", "a//b", "a/", "", ".", "a/./b", "a\0b", "a\nb", "x" * 256])
def test_a_path_that_no_folder_may_have_is_refused(path: str) -> None:
    with pytest.raises(RemoteFault):
        check_path(path)


@given(st.text())
def test_a_path_that_is_taken_stays_below_the_folder(path: str) -> None:
    try:
        check_path(path)
    except RemoteFault:
        return
    assert not path.startswith("/")
    assert ".." not in path.split("/")


def test_what_is_hidden_is_passed_over() -> None:
    listing = listing_of([RemoteFile("m/.git/config", 1), RemoteFile(".x", 1), RemoteFile("m/model.onnx", 1)])
    assert list(listing) == ["m/model.onnx"]


def test_an_empty_object_that_stands_for_a_folder_is_passed_over() -> None:
    assert list(listing_of([RemoteFile("m", 0), RemoteFile("m/model.onnx", 1)])) == ["m/model.onnx"]


def test_a_file_and_a_folder_of_one_name_are_refused() -> None:
    with pytest.raises(RemoteFault, match="m is a file, and others lie below it"):
        listing_of([RemoteFile("m", 3), RemoteFile("m/model.onnx", 1)])


def test_a_path_that_is_there_twice_is_refused() -> None:
    with pytest.raises(RemoteFault, match="m is there twice"):
        listing_of([RemoteFile("m", 3), RemoteFile("m", 1)])


def test_files_are_the_same_by_their_sha256_else_by_size_and_etag() -> None:
    assert RemoteFile("a", 1, "x").same(RemoteFile("a", 1, "x"))
    assert not RemoteFile("a", 1, "x").same(RemoteFile("a", 2, "x"))
    assert not RemoteFile("a", 1).same(RemoteFile("a", 1))
    assert not RemoteFile("a", 1).same(None)
    assert RemoteFile("a", 1, "x", "s").same(RemoteFile("a", 1, "y", "s"))
    assert not RemoteFile("a", 1, "x", "s").same(RemoteFile("a", 1, "x", "t"))


def test_another_content_has_another_key() -> None:
    files = [RemoteFile("a", 1, "x"), RemoteFile("a", 2, "x"), RemoteFile("a", 1, "y"), RemoteFile("b", 1, "x")]
    assert len({file.key for file in files}) == 4

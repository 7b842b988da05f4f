"""What a verb is pointed at: a path, or an address."""

from pathlib import Path

import pytest

from headrace.cli.repository import kept, local_path, place
from headrace.errors import SettingInvalid
from headrace.remote.address import Address
from headrace.settings import Config


def test_a_path_that_is_there_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place(".") == tmp_path.resolve()


def test_links_stay_in_a_path_but_for_those_before_two_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path.resolve()
    (root / "r1" / "in").mkdir(parents=True)
    (root / "current").symlink_to("r1")
    (root / "deep").symlink_to("r1/in")
    monkeypatch.chdir(root / "r1")
    assert place("../current") == root / "current"
    assert place(str(root / "deep" / ".." / "in")) == root / "r1" / "in"
    assert place("..") == root


def test_a_path_is_served_as_it_lies(tmp_path: Path) -> None:
    with kept(tmp_path, Config()) as repository:
        assert (repository.path, repository.follow) == (tmp_path, None)


def test_a_path_lies_where_it_is(tmp_path: Path) -> None:
    assert local_path(tmp_path, Config()) == tmp_path


def test_an_address_is_parsed_before_anything_is_done() -> None:
    assert isinstance(place("s3://bucket/models"), Address)
    with pytest.raises(SettingInvalid, match="ftp:// is not offered"):
        place("ftp://host/models")

"""Links that lead nowhere are told by their names, with where they lead."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.dangling import check_links, dangling
from headrace.repository.model_folder import read_model_folder


def _link(path: Path, target: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def test_a_link_to_what_is_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "blob").touch()
    assert not dangling([_link(tmp_path / "config.json", "blob"), tmp_path / "blob"])


def test_a_link_that_no_model_is_read_from_may_lead_nowhere(tmp_path: Path) -> None:
    _link(tmp_path / "README.md", "gone")
    _link(tmp_path / "pytorch_model.bin", "gone")
    check_links(tmp_path)


def test_a_link_leads_where_it_says_or_to_a_name_where_that_is_the_server_s_own_path(tmp_path: Path) -> None:
    assert "config.json is a link to ../blobs/ab, which" in dangling([_link(tmp_path / "config.json", "../blobs/ab")])
    assert "a.json is a link to ab, which" in dangling([_link(tmp_path / "a.json", "/srv/blobs/ab")])


@pytest.mark.parametrize("place", ["m", "m/1"])
def test_a_copied_snapshot_is_told_what_was_left_behind(tmp_path: Path, place: str) -> None:
    for name in ("config.json", "model.safetensors"):
        _link(tmp_path / place / name, f"../../blobs/{name[0]}")
    (tmp_path / place / "pytorch_model.bin").touch()
    (broken,) = read_model_folder("m", tmp_path / "m").broken
    assert "config.json is a link to ../../blobs/c, which is not there" in (broken.reason or "")


def test_a_folder_whose_weights_alone_are_gone_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    _link(tmp_path / "model.safetensors", "../blobs/m")
    with pytest.raises(ModelInvalid, match=r"model\.safetensors is a link to \.\./blobs/m"):
        check_links(tmp_path)

"""Links on the way to a path are found, whatever they lead through."""

from pathlib import Path

from headrace.repository.links import links


def test_a_path_without_links_has_none(tmp_path: Path) -> None:
    assert links(tmp_path.resolve() / "not-there") == ()


def test_links_of_links_and_those_in_the_middle_are_found(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "store" / "r1" / "models").mkdir(parents=True)
    (root / "store" / "latest").symlink_to("r1")
    (root / "current").symlink_to("store/../store/latest")
    assert links(root / "current" / "models") == (root / "current", root / "store" / "latest")
    (root / "whole").symlink_to(root / "store" / "latest" / "models")
    assert links(root / "whole") == (root / "whole", root / "store" / "latest")


def test_a_link_that_leads_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert set(links(tmp_path.resolve() / "loop")) == {tmp_path.resolve() / "loop"}

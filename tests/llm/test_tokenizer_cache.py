"""A tokenizer that was built is kept."""

from pathlib import Path

from headrace.llm.tokenizer_cache import cached


class Builds:
    """Counts how often something was built."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> dict[str, int]:
        self.count += 1
        return {"build": self.count}


def test_the_second_start_builds_nothing(tmp_path: Path) -> None:
    build = Builds()
    assert cached(tmp_path / "new", "abc", build) == cached(tmp_path / "new", "abc", build) == '{"build":1}'


def test_another_file_is_built_for_itself(tmp_path: Path) -> None:
    build = Builds()
    assert cached(tmp_path, "abc", build) != cached(tmp_path, "def", build)


def test_what_is_kept_can_be_replaced(tmp_path: Path) -> None:
    build = Builds()
    cached(tmp_path, "abc", build)
    assert cached(tmp_path, "abc", build, fresh=True) == cached(tmp_path, "abc", build) == '{"build":2}'


def test_without_a_folder_or_a_digest_it_is_built_each_time(tmp_path: Path) -> None:
    build = Builds()
    cached(None, "abc", build)
    cached(tmp_path, "", build)
    assert build.count == 2
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cached(tmp_path / "file", "abc", Builds()) == '{"build":1}'


def test_nothing_but_the_file_is_left_behind(tmp_path: Path) -> None:
    cached(tmp_path, "abc", Builds())
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]

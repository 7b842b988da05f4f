"""What Linux says of how long threads wait for a core."""

from pathlib import Path

from headrace.devices.core_wait import waited_ns


def test_the_time_that_each_thread_waited_is_added_up(tmp_path: Path) -> None:
    for thread, says in {"7": "100 30 2\n", "8": "500 12 9\n"}.items():
        (tmp_path / "self" / "task" / thread).mkdir(parents=True)
        (tmp_path / "self" / "task" / thread / "schedstat").write_text(says)
    (tmp_path / "self" / "task" / "9").mkdir()  # it has ended
    assert waited_ns(tmp_path) == 42


def test_where_nobody_counts_it_no_thread_has_waited(tmp_path: Path) -> None:
    assert waited_ns(tmp_path) == 0

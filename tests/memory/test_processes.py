"""What processes take is read from /proc, and one that is gone takes nothing."""

import os
from pathlib import Path

from headrace.memory.processes import Taken, family, taken, taken_by, together

KIB = 1024


def process(proc: Path, pid: int, parent: int, pss: int = 0, rss: int = 0, shared: int = 0, most: int = 0) -> None:
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    (folder / "stat").write_text(f"{pid} (a (b) c) S {parent} {'0 ' * 19}{rss // 4} 0 0")
    (folder / "smaps_rollup").write_text(
        f"5581-7fff ---p 00000000 00:00 0    [rollup]\nRss: {rss} kB\nPss: {pss} kB\n"
        f"Pss_Anon: {pss // 2} kB\nPss_Shmem: {shared} kB\n"
    )
    (folder / "status").write_text(f"Name:\tx\nVmHWM:\t{most} kB\nThreads:\t1\n")


def test_a_family_is_a_process_and_all_that_descend_from_it(tmp_path: Path) -> None:
    for pid, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (20, 1)):
        process(tmp_path, pid, parent)
    (tmp_path / "version").write_text("Linux")
    found = family(10, tmp_path)
    assert (sorted(found.resident), found.strangers) == ([10, 11, 12], frozenset((1, 20)))


def test_each_of_a_family_is_told_with_what_it_has_in_memory(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, rss=40)
    process(tmp_path, 11, 10, rss=80)
    assert family(10, tmp_path).resident == {10: 40 * KIB, 11: 80 * KIB}
    assert family(99, tmp_path).resident == {99: 0}


def test_strangers_are_not_asked_again_while_they_are_there(tmp_path: Path) -> None:
    for pid, parent in ((1, 0), (10, 1), (20, 1)):
        process(tmp_path, pid, parent)
    strangers = family(10, tmp_path).strangers
    process(tmp_path, 20, 10)
    process(tmp_path, 30, 10)
    found = family(10, tmp_path, strangers)
    assert (sorted(found.resident), found.strangers) == ([10, 30], frozenset((1, 20)))


def test_shared_pages_are_counted_in_part_and_the_peak_as_they_are_now(tmp_path: Path) -> None:
    process(tmp_path, 7, 1, pss=60, rss=100, shared=5, most=250)
    assert taken(7, tmp_path) == Taken(60 * KIB, 5 * KIB, 210 * KIB, 30 * KIB)


def test_the_peak_is_at_least_what_is_taken_now(tmp_path: Path) -> None:
    process(tmp_path, 7, 1, pss=60, rss=100)
    assert taken(7, tmp_path) == Taken(60 * KIB, 0, 60 * KIB, 30 * KIB)


def test_a_process_that_is_gone_takes_nothing(tmp_path: Path) -> None:
    process(tmp_path, 7, 1, pss=60)
    assert taken(8, tmp_path) is None
    assert list(taken_by([7, 8], tmp_path)) == [7]


def test_what_several_take_is_the_sum() -> None:
    assert together([Taken(1, 2, 3, 4), Taken(10, 20, 30, 40)]) == Taken(11, 22, 33, 44)
    assert together([]) == Taken()


def test_this_process_takes_something() -> None:
    found = taken(os.getpid())
    assert found is not None
    assert found.peak_bytes >= found.pss_bytes > 1 << 20
    assert os.getpid() in family(os.getpid()).resident

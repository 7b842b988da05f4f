"""Shared memory regions: only the server's own user's files, only within bounds, never a crash."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.errors import Forbidden, InvalidRequest, MemoryFull, NotFound
from headrace.protocols.oip.shared_memory import MAX_REGIONS, Region, Regions


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[Regions]:
    (tmp_path / "input").write_bytes(bytes(range(100)))
    regions = Regions(allowed=True, folder=tmp_path, max_read_bytes=80)
    yield regions
    regions.close()


def test_a_region_is_read_from_its_offset(regions: Regions) -> None:
    regions.register("r", "/input", 10, 50)
    assert regions.read("r", 5, 3, "inputs[0]") == bytes([15, 16, 17])


def test_the_longest_region_is_known(regions: Regions) -> None:
    regions.register("short", "/input", 0, 20)
    regions.register("long", "/input", 10, 50)
    assert regions.longest_bytes == 50
    regions.unregister("long")
    assert regions.longest_bytes == 20
    regions.unregister()
    assert regions.longest_bytes == 0


def test_a_name_is_no_place_to_keep_much(regions: Regions) -> None:
    regions.register("n" * 1024, "/input", 0, 20)
    with pytest.raises(InvalidRequest, match="name: 1025 characters are too many; the most is 1024"):
        regions.register("n" * 1025, "/input", 0, 20)


def test_an_output_is_written_where_it_is_wanted_and_nowhere_else(regions: Regions, tmp_path: Path) -> None:
    regions.register("r", "/input", 10, 50)
    regions.write("r", 5, 4, b"abc", "outputs[0]")
    assert (tmp_path / "input").read_bytes() == bytes(range(15)) + b"abc" + bytes(range(18, 100))


def test_a_region_is_unregistered_while_it_is_read(regions: Regions, monkeypatch: pytest.MonkeyPatch) -> None:
    regions.register("r", "/input", 10, 50)
    read = os.pread

    def late(descriptor: int, count: int, offset: int) -> bytes:
        regions.unregister("r")
        return read(descriptor, count, offset)

    monkeypatch.setattr(os, "pread", late)
    assert regions.read("r", 0, 2, "inputs[0]") == bytes([10, 11])
    assert regions.status() == []


def num_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_file_stays_open_once_it_was_used(regions: Regions) -> None:
    regions.register("r", "/input", 10, 50)
    before = num_open()
    regions.read("r", 0, 2, "inputs[0]")
    regions.write("r", 0, 2, b"ab", "outputs[0]")
    with pytest.raises(InvalidRequest):
        regions.write("r", 0, 2, b"abc", "outputs[0]")
    assert num_open() == before


def test_where_there_is_no_memory_for_an_output_that_is_told(regions: Regions) -> None:
    regions.register("r", "/input", 0, 50)
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, most))
    try:
        with pytest.raises(MemoryFull, match="region 'r' cannot be written"):
            regions.write("r", 20, 8, bytes(8), "outputs[0]")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def test_status_lists_what_is_registered(regions: Regions) -> None:
    regions.register("a", "/input", 0, 10)
    regions.register("b", "input", 90, 10)
    assert regions.status() == [Region("a", "/input", 0, 10), Region("b", "input", 90, 10)]
    assert regions.status("b") == [Region("b", "input", 90, 10)]


def test_an_unregistered_region_is_gone(regions: Regions) -> None:
    regions.register("a", "/input", 0, 10)
    regions.unregister("a")
    with pytest.raises(NotFound, match="Unable to find system shared memory region: 'a'"):
        regions.status("a")


def test_unregistering_without_a_name_forgets_all(regions: Regions) -> None:
    regions.register("a", "/input", 0, 10)
    regions.register("b", "/input", 0, 10)
    regions.unregister()
    assert regions.status() == []


def test_unregistering_what_is_not_there_is_no_error(regions: Regions) -> None:
    regions.unregister("never")


def test_files_are_given_back(regions: Regions) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    regions.register("a", "/input", 0, 10)
    with pytest.raises(InvalidRequest):
        regions.register("b", "/input", 0, 10_000)
    regions.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_name_is_registered_once(regions: Regions) -> None:
    regions.register("a", "/input", 0, 10)
    with pytest.raises(InvalidRequest, match="registered already; unregister it first"):
        regions.register("a", "/input", 0, 10)


def test_there_are_only_so_many_regions(regions: Regions) -> None:
    for number in range(MAX_REGIONS):
        regions.register(f"r{number}", "/input", 0, 1)
    with pytest.raises(InvalidRequest, match="the limit"):
        regions.register("one more", "/input", 0, 1)


def test_regions_of_one_file_have_it_open_once(regions: Regions, tmp_path: Path) -> None:
    (tmp_path / "other").hardlink_to(tmp_path / "input")
    before = num_open()
    for number in range(100):
        regions.register(f"r{number}", "/other" if number % 2 else "/input", number, 1)
    assert num_open() == before + 1
    for number in range(99):
        regions.unregister(f"r{number}")
    assert regions.read("r99", 0, 1, "inputs[0]") == b"\x63"
    regions.unregister("r99")
    assert num_open() == before


def test_they_lie_in_so_many_files_at_most(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"1234")
    regions = Regions(allowed=True, folder=tmp_path, max_files=2)
    before = num_open()
    regions.register("a", "/a", 0, 4)
    regions.register("b", "/b", 0, 4)
    with pytest.raises(InvalidRequest, match="regions of 2 files are registered, the limit") as refused:
        regions.register("c", "/c", 0, 4)
    assert refused.value.where == "key"
    regions.register("a2", "/a", 1, 2)
    regions.unregister("b")
    regions.register("c", "/c", 0, 4)
    regions.close()
    assert num_open() == before


@pytest.mark.parametrize("key", ["/../etc/passwd", "..", "/..", "/", "", "/a/b", "a\0b", "/missing", "x" * 300])
def test_a_key_that_is_not_a_file_of_the_folder_is_refused(regions: Regions, key: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        regions.register("r", key, 0, 1)
    assert refusal.value.where == "key"


def test_a_link_is_not_followed(regions: Regions, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "input")
    with pytest.raises(InvalidRequest, match="Unable to open shared memory"):
        regions.register("r", "/link", 0, 1)


def test_a_folder_or_a_pipe_is_refused(regions: Regions, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for key in ("/folder", "/pipe"):
        with pytest.raises(InvalidRequest):
            regions.register("r", key, 0, 1)


def test_a_file_of_another_user_is_refused(regions: Regions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InvalidRequest, match="belongs to another user"):
        regions.register("r", "/input", 0, 1)


@pytest.mark.parametrize(("offset", "size"), [(0, 101), (100, 1), (2**63, 1), (1, 2**64), (-1, 5), (0, 0), (0, -5)])
def test_a_region_beyond_its_file_is_refused(regions: Regions, offset: int, size: int) -> None:
    with pytest.raises(InvalidRequest):
        regions.register("r", "/input", offset, size)


@pytest.mark.parametrize(("offset", "size"), [(0, 51), (50, 1), (2**64, 1), (-1, 1), (1, -1)])
def test_a_tensor_beyond_its_region_is_refused(regions: Regions, offset: int, size: int) -> None:
    regions.register("r", "/input", 10, 50)
    with pytest.raises(InvalidRequest) as refusal:
        regions.read("r", offset, size, "inputs[0].parameters")
    assert refusal.value.where == "inputs[0].parameters"
    with pytest.raises(InvalidRequest):
        regions.check("r", offset, size, "outputs[0].parameters")


def test_more_than_a_tensor_may_have_is_refused(regions: Regions) -> None:
    regions.register("r", "/input", 0, 100)
    with pytest.raises(InvalidRequest, match="more than 80"):
        regions.read("r", 0, 81, "inputs[0]")


def test_a_file_cut_short_afterwards_is_an_error_for_that_request(regions: Regions, tmp_path: Path) -> None:
    regions.register("r", "/input", 0, 100)
    os.truncate(tmp_path / "input", 10)
    with pytest.raises(InvalidRequest, match="become too short"):
        regions.read("r", 0, 20, "inputs[0]")
    with pytest.raises(InvalidRequest, match="become too short"):
        regions.write("r", 0, 20, bytes(20), "outputs[0]")
    assert (tmp_path / "input").stat().st_size == 10


def test_an_output_larger_than_its_place_is_refused(regions: Regions) -> None:
    regions.register("r", "/input", 0, 100)
    with pytest.raises(InvalidRequest, match="the output is 5 bytes, shared_memory_byte_size only 4"):
        regions.write("r", 0, 4, b"abcde", "outputs[0]")


def test_everything_is_refused_by_the_name_of_the_setting_that_is_off(tmp_path: Path) -> None:
    regions = Regions(allowed=False, folder=tmp_path)
    for refused in (
        lambda: regions.register("r", "/input", 0, 1),
        regions.unregister,
        regions.status,
        lambda: regions.read("r", 0, 1, ""),
        lambda: regions.check("r", 0, 1, ""),
        lambda: regions.write("r", 0, 1, b"", ""),
    ):
        with pytest.raises(Forbidden, match=r"protocols\.oip\.shared_memory = true"):
            refused()

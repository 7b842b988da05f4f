"""Limits are read where the kernel writes them, in both versions of control groups."""

import os
from pathlib import Path

import pytest

from headrace.devices.inventory import cores, cpu_features, memory, memory_limit

AFFINITY = len(os.sched_getaffinity(0))


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_without_control_groups_all_cores_of_the_affinity_are_there(tmp_path: Path) -> None:
    assert cores(tmp_path) == AFFINITY


@pytest.mark.parametrize("quota", ["max 100000", ""])
def test_no_quota_leaves_the_affinity(tmp_path: Path, quota: str) -> None:
    assert cores(machine(tmp_path, {"sys/fs/cgroup/cpu.max": quota})) == AFFINITY


def test_a_quota_of_half_a_core_is_half_a_core(tmp_path: Path) -> None:
    assert cores(machine(tmp_path, {"sys/fs/cgroup/cpu.max": "50000 100000"})) == 0.5


def test_a_group_above_may_be_the_tighter_one(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/tight/loose\n",
        "sys/fs/cgroup/tight/cpu.max": "25000 100000",
        "sys/fs/cgroup/tight/loose/cpu.max": "75000 100000",
    }
    assert cores(machine(tmp_path, files)) == 0.25


def test_the_quota_of_version_1_is_read(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "2:cpu,cpuacct:/mine\n1:memory:/other\n",
        "sys/fs/cgroup/cpu/mine/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu/mine/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    assert cores(machine(tmp_path, files)) == 0.5


def test_memory_is_the_machines_where_no_group_says_less(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal:  2048 kB\nMemAvailable:  1024 kB\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    }
    found = memory(machine(tmp_path, files))
    assert (found.total_bytes, found.free_bytes) == (2 << 20, 1 << 20)


def test_memory_follows_the_groups_limit_and_use(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal:  2048 kB\nMemAvailable:  1024 kB\n",
        "sys/fs/cgroup/memory.max": "1000",
        "sys/fs/cgroup/memory.current": "400",
    }
    found = memory(machine(tmp_path, files))
    assert (found.total_bytes, found.free_bytes) == (1000, 600)


def test_no_limit_of_a_group_is_none(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None
    files = {"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}
    assert memory_limit(machine(tmp_path, files)) is None


def test_the_limit_of_a_group_out_of_sight_is_read_too(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal:  8192 kB\nMemAvailable:  1024 kB\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/memory.stat": "cache 12\nhierarchical_memory_limit 2097152\nrss 5\n",
    }
    assert memory_limit(machine(tmp_path, files)) == 2 << 20
    assert memory(tmp_path).total_bytes == 2 << 20


def test_the_tightest_limit_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/mine\n",
        "sys/fs/cgroup/memory.max": "4194304",
        "sys/fs/cgroup/mine/memory.max": "8388608",
    }
    assert memory_limit(machine(tmp_path, files)) == 4 << 20


def test_extensions_are_read_from_the_flags(tmp_path: Path) -> None:
    assert cpu_features(machine(tmp_path, {"proc/cpuinfo": "model name : X\nflags\t: fpu amx_tile avx2\n"})) == (
        "avx2",
        "amx_tile",
    )


def test_extensions_of_arm_are_read_from_its_features(tmp_path: Path) -> None:
    assert cpu_features(machine(tmp_path, {"proc/cpuinfo": "Features : fp asimd i8mm\n"})) == ("asimd", "i8mm")


def test_a_machine_without_proc_has_no_known_extensions(tmp_path: Path) -> None:
    assert cpu_features(tmp_path) == ()

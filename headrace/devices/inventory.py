"""What this process may use of the machine: cores, memory and the CPU's extensions."""

import os
from pathlib import Path

import msgspec

FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16")
ARM_FEATURES = ("asimd", "asimddp", "i8mm", "bf16", "sve")
"""Flags of /proc/cpuinfo that the runtimes make use of."""

UNLIMITED_BYTES = 1 << 60
"""Control groups of version 1 write a number above this where they set no limit."""

ROOT = Path("/")


class Memory(msgspec.Struct, frozen=True):
    """Memory by the tighter of the machine's and the control group's count."""

    total_bytes: int
    free_bytes: int


def cores(root: Path = ROOT) -> float:
    """Cores that may be used at once: by affinity and the control group's quota, which need not be whole."""
    return min(float(len(os.sched_getaffinity(0))), *_quotas(root))


def memory(root: Path = ROOT) -> Memory:
    """What may be used at all, and what is free of it now."""
    machine = _meminfo(root)
    total, free = machine.get("MemTotal", 0), machine.get("MemAvailable", 0)
    for folder in _folders(root, "memory"):
        limit = _number(folder, "memory.max", "memory.limit_in_bytes")
        if limit is not None and limit < UNLIMITED_BYTES:
            used = _number(folder, "memory.current", "memory.usage_in_bytes") or 0
            total, free = min(total, limit), min(free, max(0, limit - used))
    return Memory(min(total, memory_limit(root) or total), free)


def memory_limit(root: Path = ROOT) -> int | None:
    """The tightest limit that the control group, or one above it, sets; None where none does."""
    limits = []
    for folder in _folders(root, "memory"):
        limits.append(_number(folder, "memory.max", "memory.limit_in_bytes"))
        limits.append(_stated(folder / "memory.stat", "hierarchical_memory_limit"))  # of groups out of sight, too
    return min((limit for limit in limits if limit is not None and limit < UNLIMITED_BYTES), default=None)


def cpu_features(root: Path = ROOT) -> tuple[str, ...]:
    """The CPU's extensions that speed up inference, in its own words."""
    for line in _read(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            flags = set(value.split())
            return tuple(flag for flag in (*FEATURES, *ARM_FEATURES) if flag in flags)
    return ()


def _quotas(root: Path) -> list[float]:
    """The CPU quotas, in cores, of the process's control group and those above it; at least infinity."""
    quotas = [float("inf")]
    for folder in _folders(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        quota = quota or _read(folder / "cpu.cfs_quota_us")
        period = period or _read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):  # "max" and -1: no quota
            quotas.append(int(quota) / int(period))
    return quotas


def _meminfo(root: Path) -> dict[str, int]:
    """Bytes by name."""
    lines = (line.split() for line in _read(root / "proc/meminfo").splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1 and words[1].isdigit()}


def _stated(file: Path, name: str) -> int | None:
    """The number behind a name, of lines as `name 123`."""
    lines = (line.split() for line in _read(file).splitlines())
    return next((int(words[1]) for words in lines if len(words) == 2 and words[0] == name), None)


def _folders(root: Path, controller: str) -> list[Path]:
    """The control group's folder for a controller, and every one above it, where both versions have them."""
    mounted = root / "sys/fs/cgroup"
    folders = [mounted, mounted / controller]  # what a container sees of its own group
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = mounted / controller if controllers else mounted
        inside = Path(path.lstrip("/"))
        folders += [base / inside, *(base / parent for parent in inside.parents)]
    return list(dict.fromkeys(folders))


def _number(folder: Path, *names: str) -> int | None:
    """The number in the first of the files that has one."""
    return next((int(text) for text in (_read(folder / name) for name in names) if text.isdigit()), None)


def _read(file: Path) -> str:
    """The file's text; empty where it cannot be read, as on systems that have no such file."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""

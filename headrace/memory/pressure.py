"""How long programs stand still for want of memory: the kernel's pressure stall information."""

from pathlib import Path

import msgspec

ROOT = Path("/")
PLACES = ("sys/fs/cgroup/memory.pressure", "proc/pressure/memory")
"""Of the control group, where it has its own (version 2), else of the whole machine."""


class Pressure(msgspec.Struct, frozen=True):
    """Percent of the last ten seconds in which some program, or all of them, waited for memory."""

    some: float
    full: float
    of: str  # "the control group" or "the machine"


def pressure(root: Path = ROOT) -> Pressure | None:
    """As it is now; None where the kernel does not tell."""
    for place in PLACES:
        try:
            lines = (root / place).read_text().splitlines()
        except OSError:
            continue
        found = {line.split()[0]: _avg10(line) for line in lines if line}
        of = "the control group" if "cgroup" in place else "the machine"
        return Pressure(found.get("some", 0.0), found.get("full", 0.0), of)
    return None


def _avg10(line: str) -> float:
    return next((float(word.removeprefix("avg10=")) for word in line.split() if word.startswith("avg10=")), 0.0)

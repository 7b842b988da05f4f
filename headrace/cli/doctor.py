"""`headrace doctor`: what this machine has for serving, what is wrong with it, and what to do next."""

from collections.abc import Iterator, Sequence

import msgspec

from headrace.cli.console import console, table
from headrace.cli.machine import Machine, look
from headrace.cli.parser import Parser
from headrace.cli.settings import add_setting_flags, settings_of

GIB = 2**30
FEW_FILES = 1024
LITTLE_SHARED_MEMORY = 256 * 2**20
LITTLE_MEMORY = GIB
RUNTIMES = ("onnxruntime", "openvino")


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong or could be better, and the next step."""

    what: str
    next_step: str


def parser() -> Parser:
    made = Parser("headrace doctor", description="What this machine has, and what is wrong with it.")
    made.add_argument("--json", action="store_true", help="one JSON object: the facts, and what is wrong")
    add_setting_flags(made)
    return made


def run(arguments: Sequence[str]) -> int:
    """Exit code 1 where something is wrong."""
    options = parser().parse_args(arguments)
    config = settings_of(options).config
    machine = look(config.server, config.llm)
    wrong, better = list(findings(machine)), list(improvements(machine))
    if options.json:
        shown = {**msgspec.to_builtins(machine), "wrong": wrong, "better": better}
        print(msgspec.json.format(msgspec.json.encode(shown)).decode())
    else:
        _show(machine, wrong, better)
    return int(bool(wrong))


def findings(machine: Machine) -> Iterator[Finding]:
    """What is wrong, worst first."""
    if not any(machine.packages.get(package) for package in RUNTIMES):
        yield Finding("no runtime is installed, so no model can run", "pip install onnxruntime")
    for key, why in machine.taken_ports.items():
        yield Finding(f"{key}: {why.partition('; ')[0]}", f"{why.partition('; ')[2]}")
    if machine.shared_memory_bytes is None:
        yield Finding("there is no /dev/shm, where clients' shared memory lives", "mount a tmpfs on /dev/shm")
    elif machine.shared_memory_bytes < LITTLE_SHARED_MEMORY:
        left = machine.shared_memory_bytes // 2**20
        yield Finding(f"/dev/shm has {left} MiB left", "enlarge it (containers: --shm-size=1g), or remove stale files")
    if machine.open_files < FEW_FILES:
        yield Finding(f"only {machine.open_files} files may be open, one a connection", f"ulimit -n {FEW_FILES * 64}")
    if machine.memory.free_bytes < LITTLE_MEMORY:
        free = machine.memory.free_bytes / GIB
        yield Finding(f"only {free:.1f} GiB of memory are free", "stop what else runs, or raise the memory limit")
    if machine.cores_allowed < 1:
        share = machine.cores_allowed
        yield Finding(f"the quota allows {share:.2g} of a core", "raise the processor quota to one core at least")


def improvements(machine: Machine) -> Iterator[Finding]:
    """What could be better, and keeps nothing from being served."""
    if machine.kernels.lacks:
        slower = "language models are computed by OpenVINO's kernels, which take longer than headrace's own"
        yield Finding(slower, f"these take {machine.kernels.lacks}")
    if machine.decisions != "compiled":
        slower = "what decides for each request runs as Python, which takes more than twice as long as compiled"
        yield Finding(
            slower, "install headrace anew where there is a C compiler with Python's headers; in a checkout: make setup"
        )


def _show(machine: Machine, wrong: Sequence[Finding], better: Sequence[Finding]) -> None:
    out, facts = console(), table("this machine", "")
    for name, value in _rows(machine):
        facts.add_row(name, value)
    out.print(facts)
    if not wrong:
        out.print("Nothing is wrong.")
    for finding in wrong:
        out.print(f"Wrong: {finding.what}\n  next: {finding.next_step}")
    for finding in better:
        out.print(f"Could be better: {finding.what}\n  next: {finding.next_step}")


def _rows(machine: Machine) -> Iterator[tuple[str, str]]:
    shared = machine.shared_memory_bytes
    yield "Python", machine.python
    yield "system", machine.system
    yield "CPU features", ", ".join(machine.cpu_features) or "none that speed up inference"
    yield "language kernels", machine.kernels.told
    yield "decisions", machine.decisions
    yield "cores", f"{machine.cores_allowed:g} of {machine.cores_present} allowed"
    yield "memory", f"{machine.memory.free_bytes / GIB:.1f} of {machine.memory.total_bytes / GIB:.1f} GiB free"
    limit = machine.memory_limit_bytes
    yield "memory limit", "the control group sets none" if limit is None else f"{limit / GIB:.1f} GiB"
    told = machine.memory_pressure
    yield "memory pressure", f"told of {told}" if told else "not told by this kernel: memory.pressure has no effect"
    yield "/dev/shm", "is not there" if shared is None else f"{shared / GIB:.1f} GiB free"
    yield "open files", str(machine.open_files)
    for package, version in machine.packages.items():
        yield package, version or "not installed"

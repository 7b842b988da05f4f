"""What this machine has for serving, read once: plain facts for `headrace doctor`, which judges them."""

import os
import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from headrace.cli.failure import Failure
from headrace.cli.language_kernels import Kernels, language_kernels
from headrace.cli.serve import refuse_taken_port
from headrace.devices.inventory import Memory, cores, cpu_features, memory, memory_limit
from headrace.memory.pressure import pressure
from headrace.open_files import most_files
from headrace.settings import Llm, Server

PACKAGES = ("onnxruntime", "openvino", "numpy", "grpcio", "uvicorn", "msgspec")


class Machine(msgspec.Struct, frozen=True):
    """Facts; None or empty where one is not to be had."""

    python: str
    system: str
    cores_present: int
    cores_allowed: float  # by affinity and the control group's quota
    memory: Memory
    cpu_features: tuple[str, ...]
    kernels: Kernels  # of language models
    decisions: Literal["compiled", "as Python"]  # what a request's way through batching is decided by
    packages: dict[str, str | None]  # version by package, None where it is not installed
    shared_memory_bytes: int | None  # free under /dev/shm
    open_files: int  # that a server may have
    memory_limit_bytes: int | None  # of the control group
    memory_pressure: str | None  # whose stalls for want of memory the kernel tells; None: nobody's
    taken_ports: dict[str, str]  # setting -> why its port is not to be had


def look(server: Server, llm: Llm, shared_memory: Path = Path("/dev/shm")) -> Machine:
    """Look at this machine, with the ports that `server` would ask for, and the kernels that `llm` would.

    That takes seconds where these are to be made.
    """
    features = cpu_features()
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores_present=os.cpu_count() or 1,
        cores_allowed=cores(),
        memory=memory(),
        cpu_features=features,
        kernels=language_kernels(llm.kernels, features, os.environ),
        decisions=decisions(),
        packages=versions(PACKAGES),
        shared_memory_bytes=free_bytes(shared_memory),
        open_files=most_files(),
        memory_limit_bytes=memory_limit(),
        memory_pressure=found.of if (found := pressure()) else None,
        taken_ports=taken_ports(server, refuse_taken_port),
    )


def decisions() -> Literal["compiled", "as Python"]:
    """Whether what decides for each request was compiled where headrace was installed."""
    found = find_spec("headrace.batching.queue")
    return "as Python" if found is None or (found.origin or "").endswith(".py") else "compiled"


def versions(packages: Sequence[str], find: Callable[[str], str] = metadata.version) -> dict[str, str | None]:
    """The installed version of each package, or None."""
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = find(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def free_bytes(folder: Path) -> int | None:
    """What may still be written there, or None where there is no such folder."""
    try:
        about = os.statvfs(folder)
    except OSError:
        return None
    return about.f_bavail * about.f_frsize


def taken_ports(server: Server, refuse: Callable[[str, int, str], None]) -> dict[str, str]:
    """Why a port that the settings ask for is not to be had; empty where all are."""
    wanted = {"server.http_port": server.http_port}
    if server.grpc:
        wanted["server.grpc_port"] = server.grpc_port
    taken = {}
    for key, port in wanted.items():
        try:
            refuse(server.host, port, f"--{key.removeprefix('server.').replace('_', '-')}")
        except Failure as failure:
            taken[key] = str(failure)
    return taken

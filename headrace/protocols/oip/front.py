"""What the front ends need of the server: handed to HTTP and gRPC alike by whoever builds it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from headrace.clock import Clock
from headrace.gateway.gateway import Gateway
from headrace.models.registry import Registry, Served
from headrace.protocols.beside import Beside
from headrace.protocols.bodies import Bodies
from headrace.protocols.oip.settings import Settings
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.templates import Templates
from headrace.protocols.oip.together import Form, Line
from headrace.protocols.oip.untaken import Untaken
from headrace.protocols.request_id import Ids
from headrace.types import ModelRef, ModelVersion, VersionStatus

SHARED_MEMORY = "system_shared_memory"

EXTENSIONS = (
    "classification",
    "model_repository",
    "model_repository(unload_dependents)",
    "schedule_policy",
    "model_configuration",
    SHARED_MEMORY,
    "binary_tensor_data",
    "parameters",
    "statistics",
    "trace",
    "logging",
)
"""The extensions of the protocol that the server speaks, in Triton's order; CUDA's memory is only told to be none.

Sequences are not among them: no model keeps state between requests.
"""


class Repository(Protocol):
    """Loads and unloads models when a client asks: `models/reconcile.py`."""

    async def load(
        self, name: str, config: Mapping[str, Any] | None = None, files: Mapping[str, bytes] | None = None
    ) -> None: ...

    def check_uploads(self, num_files: int = 1) -> None: ...

    async def unload(self, name: str, dependents: bool = False, wait: bool = True) -> None: ...

    async def roll_back(self, name: str) -> int: ...

    async def label(self, name: str, label: str, version: int | None) -> None: ...

    async def pin(self, name: str, pinned: bool) -> None: ...

    async def know(self, ref: ModelRef) -> Served: ...

    def index(self) -> tuple[VersionStatus, ...]: ...


@dataclass(frozen=True, slots=True)
class Front:
    """The server as its front ends see it. Functions of the server that lie elsewhere come as callables."""

    gateway: Gateway
    registry: Registry
    repository: Repository
    clock: Clock
    beside: Beside  # where what takes long of a request is done
    regions: Regions
    settings: Settings
    statistics: Callable[[str | None, int | None], list[dict[str, Any]]]  # model_stats, of a model and version or all
    metrics: Callable[[str], Awaitable[tuple[str, bytes]]]  # what Prometheus reads, by its Accept: a type and a page
    model_config: Callable[[Served], dict[str, Any]]  # Triton's ModelConfig as JSON
    server_name: str
    server_version: str
    ready: Callable[[], bool] = lambda: True  # every model that was wanted at the start has been tried
    templates: Templates = field(default_factory=Templates)
    ids: Callable[[], str] = field(default_factory=Ids)  # makes one for a request whose client gives none
    times: Callable[[ModelVersion, str], dict[str, Any] | None] = lambda version, variant: None
    """What is known of the runs of a version's variant, "" for its own file."""
    memory: Callable[[], dict[str, Any]] = dict  # who holds how much, as `models/memory_report.py` tells it
    names: tuple[str, ...] = ()  # by which its clients know it, besides its addresses
    origins: tuple[str, ...] = ()  # of the sites whose pages may ask its models; "*": of any
    usd_per_ns: float = 0.0  # of the device's time, for what answers say that they cost; 0: they say nothing of it
    max_body_bytes: int = 64 << 20
    bodies: Bodies = field(default_factory=lambda: Bodies(64 << 20))  # those that HTTP's requests have sent
    untaken: Untaken = field(default_factory=Untaken)  # of HTTP's answers
    max_header_bytes: int = 64 << 10

    @property
    def extensions(self) -> tuple[str, ...]:
        """Those of `EXTENSIONS` that are on."""
        return tuple(name for name in EXTENSIONS if name != SHARED_MEMORY or self.regions.allowed)

    def line(self, form: Form) -> Line:
        """Where requests of that form wait for each other."""
        return Line(form, self.gateway, self.clock)

"""Every setting of a server: what it means, what it may be, and its default, one struct a table.

The annotations are the only place that says so: `headrace config` and the documentation's test read them.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headrace.alert_settings import Alerts, Slo
from headrace.observe_settings import Capture, Changes, Cost, Drift, History, Log, PushedMetrics, Trace
from headrace.tenants import Tenant

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]
Positive = Annotated[int, Meta(ge=1)]


KvMemory = (
    Annotated[str, Meta(pattern=r"^(auto|\d+(\.\d+)?\s?([KMGT]i?)?B?)$")]
    | Annotated[int, Meta(ge=1, le=2**50)]
    | Annotated[float, Meta(gt=0, le=1)]
)

SIZE = r"^(?!0+(\.0+)?\s?\D*$)(auto|\d+(\.\d+)?\s?([KMGT]i?B?|B)|(100(\.0+)?|\d{1,2}(\.\d+)?)\s?%)?$"
"""What `memory.budget` may be: no model has room in nothing, and there is no more than all."""

NAMES = r"^\s*([A-Za-z0-9._-]+\s+)*([A-Za-z0-9._-]+)?$"
"""What `server.names` may be: names as a Host header has them, with no scheme, port or comma."""

REASONING = r"^(auto|off|\S+ \S+)$"
"""What `llm.reasoning` may be."""


class Server(msgspec.Struct, frozen=True):
    """Where the server listens, and its limits on a request."""

    host: Annotated[str, Meta(description="Address to listen on.", min_length=1)] = "127.0.0.1"
    http_port: Annotated[Port, Meta(description="Port of the HTTP front; 0 takes any free one.")] = 8000
    grpc_port: Annotated[Port, Meta(description="Port of the gRPC front; 0 takes any free one.")] = 8001
    grpc: Annotated[bool, Meta(description="Whether the gRPC front is opened at all.")] = True
    insecure: Annotated[bool, Meta(description="Allow an address that others can reach, with no access control.")] = (
        False
    )
    tls_certificate: Annotated[
        str,
        Meta(
            description="The certificate that HTTP and gRPC show, and those above it; with one both speak TLS alone.",
            extra={"takes": "the path of a PEM file, or nothing"},
        ),
    ] = ""
    tls_key: Annotated[
        str,
        Meta(
            description="The private key of that certificate, without a passphrase.",
            extra={"takes": "the path of a PEM file, or nothing"},
        ),
    ] = ""
    tls_client_ca: Annotated[
        str,
        Meta(
            description="Whose certificates clients have to show; without it every client is let in.",
            extra={"takes": "the path of a PEM file, or nothing"},
        ),
    ] = ""
    names: Annotated[
        str,
        Meta(
            description="Names by which clients reach this server, besides its addresses and the machine's own name.",
            pattern=NAMES,
            extra={"takes": "names such as models.example.org with spaces between, or nothing"},
        ),
    ] = ""
    allow_origins: Annotated[
        str,
        Meta(
            description="The sites whose pages may ask models from a browser.",
            extra={"takes": "origins such as https://chat.example.org with spaces between, * for all, or nothing"},
        ),
    ] = ""
    drain_s: Annotated[
        float, Meta(ge=0, le=86400, description="How long running requests may take to finish at shutdown.")
    ] = 30.0
    keep_alive_s: Annotated[
        Seconds, Meta(description="How long an HTTP client may be idle, also within a request or an answer.")
    ] = 75.0
    max_body_bytes: Annotated[
        Positive, Meta(description="Largest HTTP request body, also once it is decompressed.")
    ] = 64 * 1024 * 1024
    max_header_bytes: Annotated[int, Meta(ge=1024, description="Largest HTTP header block.")] = 64 * 1024


class Grpc(msgspec.Struct, frozen=True):
    """Limits of the gRPC front."""

    max_message_bytes: Annotated[
        int, Meta(ge=-1, le=2**31 - 1, description="Largest gRPC message; -1, as gRPC says it: any.")
    ] = -1
    max_connections: Annotated[
        Positive, Meta(description="Most connections of gRPC at a time, to the native server.")
    ] = 1024


class Oip(msgspec.Struct, frozen=True):
    """The Open Inference Protocol's optional parts."""

    shared_memory: Annotated[
        bool, Meta(description="Let clients pass tensors in system shared memory of the server's own user.")
    ] = False


class Protocols(msgspec.Struct, frozen=True):
    """What each protocol offers."""

    oip: Oip = Oip()
    grpc: Annotated[
        Literal["native", "grpcio"], Meta(description="Which server answers gRPC: our own, or grpcio's core.")
    ] = "native"


class Models(msgspec.Struct, frozen=True):
    """Which models are loaded, when, and how."""

    control: Annotated[
        Literal["explicit", "watch", "both"],
        Meta(description="What loads and unloads models: requests, changes of the repository's files, or both."),
    ] = "both"
    load: Annotated[
        str,
        Meta(
            description="The models that are loaded at the start where only requests load models.",
            extra={"takes": "names of models with commas between, * for all, or nothing"},
        ),
    ] = ""
    settle_s: Annotated[
        float, Meta(gt=0, le=3600, description="How long changed files have to be still before they are loaded.")
    ] = 1.0
    poll_s: Annotated[
        Seconds, Meta(description="How often the repository is looked at where the kernel tells of no change.")
    ] = 10.0
    allow_signature_change: Annotated[
        bool, Meta(description="Let a version take another's place whose clients could not go on with it.")
    ] = False
    uploads: Annotated[bool, Meta(description="Let a load request carry the model's files.")] = False
    load_parallel: Annotated[int, Meta(ge=1, le=256, description="How many models are loaded at once.")] = 2
    lazy: Annotated[bool, Meta(description="Load a model when the first request asks for it, none at the start.")] = (
        False
    )
    lazy_wait_s: Annotated[
        float,
        Meta(ge=0, le=86400, description="How long a request may wait for its model to be loaded; 0: it asks again."),
    ] = 60.0
    keep_alive_s: Annotated[
        float, Meta(ge=0, le=31536000, description="How long a model stays in memory that nobody asks; 0: for ever.")
    ] = 0.0


class Memory(msgspec.Struct, frozen=True):
    """How much memory the server and its workers may take, and what gives way."""

    budget: Annotated[
        str,
        Meta(
            description="Most memory of the server, its workers and what they share.",
            pattern=SIZE,
            extra={"takes": "bytes as in 512MiB or 2GiB, a share of all memory as in 50%, auto, or nothing"},
        ),
    ] = "auto"
    policy: Annotated[
        Literal["swap", "drain_first"],
        Meta(description="What happens where memory does not hold both versions of a swap."),
    ] = "swap"
    wait_s: Annotated[
        float, Meta(ge=0, le=86400, description="How long a load waits for memory that others may give back.")
    ] = 30.0
    pressure: Annotated[
        float,
        Meta(ge=0, le=100, description="Percent of time stalled for want of memory that has new work refused."),
    ] = 40.0


class Batching(msgspec.Struct, frozen=True):
    """How requests are joined, for models that do not say otherwise."""

    max_size: Annotated[int, Meta(ge=1, le=65536, description="Most rows in one run of a model.")] = 64
    max_delay_ms: Annotated[
        float, Meta(ge=0, le=60000, description="How long the first request of a batch may wait for company.")
    ] = 0.0
    max_queue: Annotated[Positive, Meta(description="Most requests that may wait for one model version.")] = 1024
    max_queue_bytes: Annotated[
        Positive, Meta(description="Most bytes of tensors that may wait for one model version.")
    ] = 256 * 1024 * 1024
    tolerance: Annotated[
        float,
        Meta(ge=0, le=1, description="Largest difference between a row alone and in company that proves a batch axis."),
    ] = 1e-3
    sweep_s: Annotated[
        float,
        Meta(ge=0, le=600, description="How long a model may be tried, when it is loaded, for what its runs take."),
    ] = 0.5
    policy: Annotated[
        Literal["deadline", "fixed", "none"], Meta(description="What decides which requests a run takes, and when.")
    ] = "deadline"
    lanes: Annotated[
        Literal["auto", 1, 2], Meta(description="How many runs of a model go side by side, each on its own cores.")
    ] = "auto"
    spread: Annotated[
        Literal["auto", "off"], Meta(description="Whether a batch's rows may be shared out, each core running its own.")
    ] = "auto"
    lane: Annotated[
        Literal["auto", "own", "shared"],
        Meta(description="Whether a model's runs wait for those of other models, or give way to them."),
    ] = "auto"


class Workers(msgspec.Struct, frozen=True):
    """The processes that models run in, for models that do not say otherwise."""

    isolation: Annotated[
        Literal["process", "none"], Meta(description="Run models in processes of their own, or inside the server.")
    ] = "process"
    instances: Annotated[int, Meta(ge=1, le=256, description="How many copies of a model run side by side.")] = 1
    threads: Annotated[
        int, Meta(ge=0, le=1024, description="Threads of one instance; 0 shares out the cores that are allowed.")
    ] = 0
    warm: Annotated[
        int,
        Meta(ge=0, le=64, description="How many workers of each runtime wait, forked, for models to come; 0: none."),
    ] = 1
    load_timeout_s: Annotated[Seconds, Meta(description="How long loading a model version may take.")] = 300.0
    run_limit_s: Annotated[
        float,
        Meta(ge=0, le=86400, description="How long one run of a model may take; 0: as its runs so far let expect."),
    ] = 0.0


class Llm(msgspec.Struct, frozen=True):
    """How language models are run, those that do not say otherwise."""

    precision: Annotated[
        Literal["auto", "f32", "bf16", "int8", "int4"], Meta(description="How a language model's weights are held.")
    ] = "auto"
    kv_precision: Annotated[
        Literal["auto", "f32", "f16", "bf16", "u8"], Meta(description="How the key-value cache holds its numbers.")
    ] = "auto"
    kernels: Annotated[Literal["auto", "openvino"], Meta(description="What multiplies a language model's weights.")] = (
        "auto"
    )
    kv_memory: Annotated[
        KvMemory,
        Meta(
            description="Memory for the key-value cache of one language model.",
            extra={"takes": "bytes as in 2GiB, a share of the free memory as in 0.5, or auto"},
        ),
    ] = "auto"
    speculation: Annotated[
        Literal["auto", "off", "ngram", "draft"], Meta(description="What proposes tokens ahead of a language model.")
    ] = "auto"
    draft: Annotated[
        str,
        Meta(
            description="The smaller language model that proposes tokens.",
            extra={"takes": "a path inside the model's own folder, the name of another model, or nothing"},
        ),
    ] = ""
    draft_precision: Annotated[
        Literal["auto", "f32", "bf16", "int8", "int4"], Meta(description="How the weights of that one are held.")
    ] = "auto"
    prefix_cache: Annotated[
        bool, Meta(description="Whether prompts that begin alike share what was computed for them.")
    ] = True
    max_sequences: Annotated[
        int, Meta(ge=1, le=4096, description="Most sequences that one language model computes at once.")
    ] = 128
    max_context: Annotated[
        int,
        Meta(ge=0, le=2**31 - 1, description="Most tokens of a prompt and its answer; 0: what the model was made for."),
    ] = 0
    reasoning: Annotated[
        str,
        Meta(
            description="How a language model's thoughts are told apart from its answer.",
            pattern=REASONING,
            extra={"takes": "auto, off, or the marks around thoughts with a space between, as in <think> </think>"},
        ),
    ] = "auto"
    generation_defaults: Annotated[
        Literal["model", "none"],
        Meta(description="Whose word counts on how tokens are chosen where a request leaves a field out."),
    ] = "model"


class State(msgspec.Struct, frozen=True):
    """What is kept for the next start."""

    dir: Annotated[
        str,
        Meta(
            description="Where labels, rollouts, and what requests unload, are kept for the next start.",
            extra={"takes": "a path, or nothing"},
        ),
    ] = ""


class Remote(msgspec.Struct, frozen=True):
    """Repositories elsewhere, which are kept as a folder on local disk."""

    dir: Annotated[
        str,
        Meta(
            description="Where the folders lie that repositories elsewhere are kept as.",
            extra={"takes": "a path, or nothing"},
        ),
    ] = ""
    poll_s: Annotated[Seconds, Meta(description="How often a repository elsewhere is looked at.")] = 30.0
    hf_mirror: Annotated[
        str,
        Meta(
            description="The folder that models of hf:// are taken from, in place of the hub.",
            extra={"takes": "a path, or nothing"},
        ),
    ] = ""


class Config(msgspec.Struct, frozen=True):
    """Every setting of a server."""

    server: Server = Server()
    grpc: Grpc = Grpc()
    protocols: Protocols = Protocols()
    models: Models = Models()
    batching: Batching = Batching()
    workers: Workers = Workers()
    llm: Llm = Llm()
    memory: Memory = Memory()
    state: State = State()
    remote: Remote = Remote()
    log: Log = Log()
    trace: Trace = Trace()
    metrics: PushedMetrics = PushedMetrics()
    drift: Drift = Drift()
    history: History = History()
    capture: Capture = Capture()
    changes: Changes = Changes()
    slo: Slo = Slo()
    alerts: Alerts = Alerts()
    cost: Cost = Cost()
    tenants: Mapping[str, Tenant] = {}  # by name; `OTHERS` are those that are not named

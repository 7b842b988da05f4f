"""Every setting, as one frozen tree: defaults, then file, then environment, then flags; unknown keys are refused.

The annotations below are the only place that says what a setting means and may be: `headrace config` and the
documentation's test read them. Knows no server; computed values are never written back here.
"""

import difflib
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from headrace.errors import SettingInvalid
from headrace.setting import Setting, Value, settings_in
from headrace.tenants import Tenant, check_tenants, is_tenant

PREFIX = "HEADRACE_"
FILE_VARIABLE = "HEADRACE_CONFIG"
"""The environment variable that names the settings file; every other HEADRACE_ variable is a setting."""

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]
Positive = Annotated[int, Meta(ge=1)]


KvMemory = (
    Annotated[str, Meta(pattern=r"^(auto|\d+(\.\d+)?\s?([KMGT]i?)?B?)$")]
    | Annotated[int, Meta(ge=1, le=2**50)]
    | Annotated[float, Meta(gt=0, le=1)]
)

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

    max_message_bytes: Annotated[int, Meta(ge=-1, description="Largest gRPC message; -1, as gRPC says it: any.")] = -1


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
    lane: Annotated[
        Literal["own", "shared"], Meta(description="Whether a model's runs wait for those of other models.")
    ] = "own"


class Workers(msgspec.Struct, frozen=True):
    """The processes that models run in, for models that do not say otherwise."""

    isolation: Annotated[
        Literal["process", "none"], Meta(description="Run models in processes of their own, or inside the server.")
    ] = "process"
    instances: Annotated[int, Meta(ge=1, le=256, description="How many copies of a model run side by side.")] = 1
    threads: Annotated[
        int, Meta(ge=0, le=1024, description="Threads of one instance; 0 shares out the cores that are allowed.")
    ] = 0
    load_timeout_s: Annotated[Seconds, Meta(description="How long loading a model version may take.")] = 300.0
    batch_timeout_s: Annotated[Seconds, Meta(description="How long one run of a model may take.")] = 120.0


class Llm(msgspec.Struct, frozen=True):
    """How language models are run, those that do not say otherwise."""

    precision: Annotated[
        Literal["auto", "f32", "bf16", "int8", "int4"], Meta(description="How a language model's weights are held.")
    ] = "auto"
    kv_precision: Annotated[
        Literal["auto", "f32", "f16", "bf16", "u8"], Meta(description="How the key-value cache holds its numbers.")
    ] = "auto"
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


class State(msgspec.Struct, frozen=True):
    """What is kept for the next start."""

    dir: Annotated[
        str,
        Meta(
            description="Where labels, and what requests unload, are kept for the next start.",
            extra={"takes": "a path, or nothing"},
        ),
    ] = ""


class Log(msgspec.Struct, frozen=True):
    """What the server writes to standard error."""

    format: Annotated[Literal["text", "json"], Meta(description="Lines for people, or one JSON object a line.")] = (
        "text"
    )
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least important lines that are written.")
    ] = "info"


class Config(msgspec.Struct, frozen=True):
    """Every setting of a server."""

    server: Server = Server()
    grpc: Grpc = Grpc()
    protocols: Protocols = Protocols()
    models: Models = Models()
    batching: Batching = Batching()
    workers: Workers = Workers()
    llm: Llm = Llm()
    state: State = State()
    log: Log = Log()
    tenants: Mapping[str, Tenant] = {}  # by name; `OTHERS` are those that are not named


class Given(msgspec.Struct, frozen=True):
    """One setting as somebody gave it. `text` where the value is yet to be read as the setting's type."""

    key: str
    value: object
    source: str
    text: bool = True


class Loaded(msgspec.Struct, frozen=True):
    """The settings in force, and where each came from ("default", "file x.toml", "flag --set", ...)."""

    config: Config
    sources: Mapping[str, str]

    def values(self) -> dict[str, Value]:
        """Every setting's value by its dotted key, in the order of the tree, those of tenants last."""
        tree = msgspec.to_builtins(self.config)
        return {key: _at(tree, key) for key in (*SETTINGS, *_keys_of(self.config.tenants))}


def load_config(
    file: Path | None = None, environment: Mapping[str, str] | None = None, flags: Iterable[Given] = ()
) -> Loaded:
    """The settings from every source, a later one winning. `file` wins over $HEADRACE_CONFIG.

    Raises SettingInvalid, which names the setting, the source and what would be right.
    """
    environment = environment or {}
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    values: dict[str, Value] = {}
    sources = dict.fromkeys(SETTINGS, "default")
    for given in (*(_from_file(file) if file else ()), *_from_environment(environment), *flags):
        values[given.key] = _read(given)
        sources[given.key] = given.source
    config = msgspec.convert(_nested(values), Config)
    check_tenants(config.tenants)
    return Loaded(config, dict.fromkeys(_keys_of(config.tenants), "default") | sources)


def from_assignment(text: str, source: str = "--set") -> Given:
    """One setting from `key=value`. Raises SettingInvalid where there is no `=`."""
    key, equals, value = text.partition("=")
    if not equals:
        raise SettingInvalid(f"{source} {text!r} has no value; write {source} KEY=VALUE, as in server.http_port=9000")
    return Given(key.strip(), value.strip(), source)


def _from_environment(environment: Mapping[str, str]) -> Iterator[Given]:
    for name in sorted(environment):
        if name.startswith(PREFIX) and name != FILE_VARIABLE:
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            yield Given(key, environment[name], f"environment {name}")


def _from_file(file: Path) -> Iterator[Given]:
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingInvalid(f"the settings file {file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"the settings file {file} is not TOML: {error}") from error
    for key, value in _leaves(tree):
        yield Given(key, value, f"file {file}", text=False)


def _leaves(tree: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Tables are walked down to settings; a table where a setting should be is a leaf, and found wrong as one."""
    for name, value in tree.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and value and key not in SETTINGS:
            yield from _leaves(value, f"{key}.")
        elif value == {} and above == "tenants.":
            yield f"{key}.weight", Tenant().weight  # it is named, and has what a tenant has by itself
        elif value != {} or key not in _SECTIONS:
            yield key, value


def setting_of(key: str) -> Setting | None:
    """The setting that a dotted key means."""
    match _path(key):
        case ["tenants", name, field] if is_tenant(name):
            return OF_A_TENANT.get(f"tenants.NAME.{field}")
    return SETTINGS.get(key)


def _keys_of(tenants: Iterable[str]) -> list[str]:
    """The settings of tenants of these names."""
    return [f"tenants.{name}.{field}" for name in tenants for field in Tenant.__struct_fields__]


def _path(key: str) -> list[str]:
    """The parts of a dotted key; a tenant's name may itself have dots."""
    section, _, rest = key.partition(".")
    name, _, field = rest.rpartition(".")
    return [section, name, field] if section == "tenants" and is_tenant(name) else key.split(".")


def _read(given: Given) -> Value:
    setting = setting_of(given.key)
    if setting is None:
        raise SettingInvalid(f"there is no setting {given.key!r} (from {given.source}); {_suggestion(given.key)}")
    try:
        value: Value = msgspec.convert(given.value, setting.type, strict=not given.text)
    except msgspec.ValidationError:
        message = f"{_shown(given.value)} (from {given.source}) is not {setting.takes}"
        raise SettingInvalid(message, given.key) from None
    return value


def _shown(value: object) -> str:
    """A value about as it was written."""
    if isinstance(value, bool):
        return str(value).lower()
    return "a table" if isinstance(value, dict) else repr(value)


def _suggestion(key: str) -> str:
    """Names the nearest setting, or where the whole list is."""
    if key.partition(".")[0] == "tenants":
        return f"a tenant has {', '.join(Tenant.__struct_fields__)}, as in tenants.NAME.rate, and a printable name"
    inside = [name for name in SETTINGS if name.startswith(f"{key}.")]
    if inside:
        return f"it holds {', '.join(inside)}"
    ends = {name.rpartition(".")[2]: name for name in SETTINGS}
    near = difflib.get_close_matches(key, SETTINGS, 1, 0.7)
    near = near or [ends[end] for end in difflib.get_close_matches(key.rpartition(".")[2], ends, 1, 0.7)]
    return f"did you mean {near[0]!r}?" if near else "`headrace config` lists them all"


def _nested(values: Mapping[str, Value]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *above, name = _path(key)
        branch = tree
        for part in above:
            branch = branch.setdefault(part, {})
        branch[name] = value
    return tree


def _at(tree: Any, key: str) -> Value:
    for part in _path(key):
        tree = tree[part]
    value: Value = tree
    return value


SETTINGS: Mapping[str, Setting] = types.MappingProxyType({setting.key: setting for setting in settings_in(Config)})
"""Every setting by its dotted key, in the order of the tree."""

OF_A_TENANT: Mapping[str, Setting] = types.MappingProxyType(
    {setting.key: setting for setting in settings_in(Tenant, "tenants.NAME.")}
)
"""Those of each tenant, in the place of whose name stands NAME."""

_SECTIONS = frozenset(key[:dot] for key in SETTINGS for dot in range(len(key)) if key[dot] == ".") | {"tenants"}

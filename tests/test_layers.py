"""The floor plan: which folder may import which, where the heavy libraries live, and how large things may grow."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {
    "alert_settings",
    "alike",
    "allocator",
    "arrivals",
    "cache_folder",
    "folder_lock",
    "large_memory",
    "kept_database",
    "observe_settings",
    "generation",
    "deltas",
    "text_offsets",
    "lasting",
    "numerals",
    "printable",
    "open_files",
    "types",
    "records",
    "request_list",
    "servable",
    "errors",
    "config",
    "clock",
    "device_time",
    "work",
    "arrays",
    "generated",
    "setting",
    "settings",
    "tenants",
    "toml_text",
    "type_faults",
    "varint",
    "virtual_counters",
}

ALLOWED: dict[str, set[str]] = {
    "bench": set(),
    "devices": set(),
    "kernels": {"devices.inventory", "runtimes.language"},
    "graphs": {"weights.checkpoint", "kernels"},
    "runtimes": {"devices", "weights", "graphs", "kernels"},
    "weights": set(),
    "llm": {"runtimes.language", "weights.checkpoint"},
    "batching": {
        "runtimes.runtime",
        "runtimes.execute",
        "runtimes.external_data",
        "runtimes.load",
        "devices.priority",
    },
    "simulate": {"batching", "bench.search", "bench.page", "bench.charts", "bench.svg"},
    "workers": {
        "devices.gives_way",
        "devices.process_stat",
        "runtimes.runtime",
        "runtimes.execute",
        "runtimes.load",
        "batching.blame",
        "batching.instance",
        "llm.engine_protocol",
        "llm.terms",
        "llm.text_tensors",
    },
    "caching": set(),
    "memory": {"devices"},
    "traffic": set(),
    "repository": set(),
    "models": {"repository", "devices", "memory", "runtimes.runtime", "traffic.plans", "traffic.choice"},
    "gateway": {"models.registry", "traffic.watch"},
    "protocols": {"gateway", "models.registry", "models.reconcile", "traffic", "capture.capture"},
    "playground": {"protocols.static_files"},
    "changes": {"devices.process_stat"},
    "capture": set(),
    "history": {"observe.histogram", "observe.tally"},
    "dashboard": {"history", "observe.histogram", "protocols.static_files"},
    "objectives": {"observe.exposition", "observe.log_format"},
    "drift": {"observe.exposition"},
    "profiling": {"operators_child", "runtimes.operators", "workers.birth"},
    "operators_child": {"runtimes"},
    "collector": set(),
    "tracing": {"observe.phases", "observe.sift", "gateway.token_bucket", "collector"},
    "pushing": {"observe.exposition", "observe.openmetrics", "collector"},
    "observe": {"memory", "devices.nvml", "devices.process_stat", "models.registry", "gateway"},
    "build": {
        "repository",
        "devices",
        "runtimes",
        "batching",
        "caching",
        "workers",
        "models",
        "file_instances",
        "language_build",
    },
    "file_instances": {"batching", "devices", "memory.budget", "runtimes.load", "workers"},
    "language_build": {
        "devices",
        "workers",
        "repository",
        "runtimes.held_bytes",
        "runtimes.second_room",
        "weights.gguf",
        "llm.engine_protocol",
        "llm.kv_memory",
    },
    "child": {"runtimes", "workers", "batching.known_axes", "devices"},
    "zygote": {"workers"},
    "engine_child": {"engine_load", "llm", "workers", "devices"},
    "engine_load": {"runtimes", "llm.engine_protocol", "weights.checkpoint"},
    "engine_decoder": {"kernels.drawing", "runtimes", "llm", "weights", "devices"},
    "engine_encoder": {"runtimes", "llm", "weights"},
    "inspection": {"repository", "build", "memory", "models"},
    "listening": set(),
    "remote": set(),
    "costs": {"observe.exposition", "observe.tenant_counts"},
    "watching": {
        "capture",
        "changes",
        "costs",
        "dashboard",
        "devices.inventory",
        "drift",
        "file_instances",
        "gateway.gateway",
        "history",
        "objectives",
        "observe",
        "profiling",
        "protocols",
        "pushing",
        "tracing",
        "traffic.watch",
    },
    "observing": {"costs.costs", "gateway.gateway", "observe", "protocols.oip.front", "traffic.watch", "watching"},
    "app": {
        "build",
        "listening",
        "devices",
        "memory",
        "models",
        "repository",
        "traffic",
        "gateway",
        "protocols",
        "playground",
        "observe",
        "observing",
        "costs.costs",
        "workers.ahead",
        "workers.forking",
    },
    "cli": {
        "objectives",
        "traffic.difference",
        "repository",
        "app",
        "bench",
        "simulate",
        "inspection",
        "devices",
        "kernels.library",
        "memory",
        "models",
        "observe",
        "remote",
        "workers.ahead",
        "workers.imports",
    },
    "__main__": {"cli"},
}
"""What each folder, or module of the top, may import besides the ground and itself."""

HEAVY = {
    "onnxruntime": "runtimes/onnx",
    "openvino": "runtimes/openvino graphs/ kernels/",
    "opentelemetry": "tracing/otlp tracing/encoding pushing/otlp collector/resource",
    "tokenizers": "llm/tokenizer",
    "jinja2": "llm/chat_template",
    "llguidance": "llm/grammar llm/gbnf",
    "grpc": "protocols/oip/grpc",
    "uvicorn": "protocols/ listening.py app.py",
    "starlette": "protocols/ playground/ dashboard/ listening.py app.py observing.py watching/",
    "mlperf_loadgen": "bench/mlperf",
    "rich": "cli/",
    "watchfiles": "repository/watch",
    "obstore": "remote/store",
}
"""Each heavy library, and the beginnings of the paths that may import it."""

FILES = [path for path in sorted((ROOT / "headrace").rglob("*.py")) if "generated" not in path.parts]
EVERY_FILE = FILES + [
    path for folder in ("tests", "tools", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))
]


def _name(path: Path) -> str:
    """`runtimes.onnx`, for headrace/runtimes/onnx.py; empty for headrace itself."""
    parts = path.relative_to(ROOT / "headrace").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in (ROOT / "headrace").rglob("*.py")}


def _imports(path: Path) -> Iterator[str]:
    """Every module imported anywhere in a file, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are written from the root"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _inside(path: Path) -> set[str]:
    """The modules of headrace that a file imports, without `headrace.`."""
    found = set()
    for name in _imports(path):
        if name.startswith("headrace."):
            inner = name.removeprefix("headrace.")
            found.add(inner if inner in MODULES else inner.rpartition(".")[0])
    return found


def _under(name: str, folders: set[str]) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=_shown)
def test_imports_go_down(path: Path) -> None:
    top = _name(path).partition(".")[0]
    if not top:
        allowed: set[str] = set()
    elif top in GROUND:
        allowed = GROUND
    else:
        allowed = GROUND | {top} | ALLOWED[top]
    wrong = {name for name in _inside(path) if name and not _under(name, allowed)}
    assert not wrong, f"{_shown(path)} may not import {', '.join(sorted(wrong))}"


def test_there_is_no_import_cycle() -> None:
    graph = {name: {other for other in _inside(path) if other != name} for name, path in MODULES.items()}
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above[above.index(name) :], name))
        if name not in done:
            for other in graph.get(name, ()):
                walk(other, (*above, name))
            done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("path", FILES, ids=_shown)
def test_heavy_libraries_live_at_one_address(path: Path) -> None:
    place = str(path.relative_to(ROOT / "headrace"))
    for name in _imports(path):
        homes = HEAVY.get(name.partition(".")[0], "").split()
        assert not homes or place.startswith(tuple(homes)), f"{_shown(path)} may not import {name}: its home is {homes}"


@pytest.mark.parametrize("path", EVERY_FILE, ids=_shown)
def test_a_file_has_a_caption_and_stays_readable(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert not text or ast.get_docstring(ast.parse(text)), "the first line of a module is its caption"


@pytest.mark.parametrize("path", EVERY_FILE, ids=_shown)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{_shown(path)}:{node.lineno}: {node.name} has {length} lines"


TWINLESS = {
    f"headrace/{name}.py"
    for name in (
        "__main__",
        "types",
        "records",
        "batching/policy",
        "generation",
        "runtimes/runtime",
        "runtimes/language",
        "llm/limits",
        "remote/faults",
        "weights/checkpoint",
        "llm/engine_protocol",
        "protocols/http2/application",
        "protocols/http2/codes",
        "protocols/http2/faults",
        "protocols/http2/limits",
        "bench/report",
        "bench/wire",
        "simulate/scenario",
        "simulate/report",
        "settings",
        "observe_settings",
        "watching/ground",
        "watching/part",
        "alert_settings",
        "changes/account",
        "workers/imports",
    )
}
"""Modules that only declare, or that are tested as a program."""


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name != "__init__.py" and _shown(path) not in TWINLESS], ids=_shown
)
def test_a_module_has_its_tests(path: Path) -> None:
    twin = ROOT / "tests" / path.relative_to(ROOT / "headrace").with_name(f"test_{path.name}")
    assert twin.exists(), f"{_shown(path)} is tested by {_shown(twin)}"

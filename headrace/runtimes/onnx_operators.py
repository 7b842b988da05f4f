"""ONNX Runtime's own profile of a session: it writes down each call of each operator, in a file of its own."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headrace.errors import ModelInvalid
from headrace.runtimes.onnx import opened, session_options
from headrace.runtimes.operators import Operator
from headrace.types import Manifest

_CALL = "_kernel_time"
_RUN = "model_run"


class OnnxCounting:
    """A session that writes into a temporary folder, which `operators` removes."""

    def __init__(self, manifest: Manifest, threads: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="headrace-operators-")
        options = session_options(threads, "off")
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(self._folder.name) / "profile")
        try:
            self.model = opened(manifest, options)
        except ModelInvalid:
            self._folder.cleanup()
            raise
        self._runs = 0

    def begin(self) -> None:
        self._runs = 0

    def ran(self) -> None:
        self._runs += 1

    def operators(self) -> list[Operator]:
        try:
            events = json.loads(Path(self.model.session.end_profiling()).read_bytes())
        finally:
            self._folder.cleanup()
        return counted(events, self._runs)


def counting(manifest: Manifest, threads: int) -> OnnxCounting:
    """Raises ModelInvalid with ONNX Runtime's reason."""
    return OnnxCounting(manifest, threads)


def counted(events: Iterable[Mapping[str, Any]], runs: int) -> list[Operator]:
    """The operators of the last so many runs, of what the file tells: times in microseconds, runs and calls apart."""
    events = list(events)
    began = sorted(each["ts"] for each in events if each.get("name") == _RUN)
    since = began[-runs] if runs <= len(began) else 0
    found: dict[str, Operator] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") != "Node" or not name.endswith(_CALL) or event["ts"] < since:
            continue
        operator, about = name.removesuffix(_CALL), event.get("args", {})
        before = found.get(operator)
        found[operator] = Operator(
            operator,
            str(about.get("op_name", "")),
            _shapes(about.get("output_type_shape", ())),
            1 + (before.calls if before else 0),
            event["dur"] + (before.us if before else 0.0),
        )
    return list(found.values())


def _shapes(told: Iterable[Mapping[str, Any]]) -> str:
    """As in `float 1x3x224x224`, several with commas between; of a call's outputs."""
    return ", ".join(f"{kind} {'x'.join(map(str, shape)) or 'scalar'}" for each in told for kind, shape in each.items())

"""OpenVINO's performance counters: after each run, what each operator of the compiled graph took."""

from collections import Counter
from typing import Any

from headrace.errors import ModelInvalid
from headrace.runtimes.openvino import PRECISIONS, OpenVinoModel, compile_options, core
from headrace.runtimes.openvino_one_thread import for_one_thread
from headrace.runtimes.operators import Operator
from headrace.runtimes.reasons import openvino_reason
from headrace.types import Manifest


class OpenVinoCounting:
    """An infer request whose counters are read after each run."""

    def __init__(self, manifest: Manifest, threads: int) -> None:
        precision = manifest.parameters.get("precision", PRECISIONS[0])
        options = compile_options(threads, precision) | {"PERF_COUNT": True}
        try:
            model = core().read_model(manifest.path)
            compiled = core().compile_model(for_one_thread(model, options), manifest.device.upper(), options)
        except Exception as error:  # RuntimeError, and whatever its readers throw
            raise ModelInvalid(openvino_reason(str(error)), manifest.path.name) from error
        self.model = OpenVinoModel(model, compiled, precision)
        self._shapes = {
            op.get_friendly_name(): _shape(op) for op in compiled.get_runtime_model().get_ordered_ops() if op.outputs()
        }
        self._types: dict[str, str] = {}
        self._us: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()

    def begin(self) -> None:
        """Nothing was read of the runs before."""

    def ran(self) -> None:
        for each in self.model.counters():
            if each.status == each.EXECUTED:
                self._types[each.node_name] = each.node_type
                self._calls[each.node_name] += 1
                self._us[each.node_name] += round(each.real_time.total_seconds() * 1e6)

    def operators(self) -> list[Operator]:
        return [
            Operator(name, kind, self._shapes.get(name, ""), self._calls[name], self._us[name])
            for name, kind in self._types.items()
        ]


def counting(manifest: Manifest, threads: int) -> OpenVinoCounting:
    """Raises ModelInvalid with OpenVINO's reason."""
    return OpenVinoCounting(manifest, threads)


def _shape(op: Any) -> str:
    """As in `f32 ?x3x224x224`: what is free is not known before a run."""
    port = op.outputs()[0]
    shape = port.get_partial_shape()
    sizes = "..." if shape.rank.is_dynamic else "x".join("?" if size.is_dynamic else str(size) for size in shape)
    return f"{port.get_element_type().get_type_name()} {sizes or 'scalar'}"

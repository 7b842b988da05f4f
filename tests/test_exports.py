"""The names that others build on: each is there, and is documented."""

import importlib
import inspect

import pytest

PUBLIC = {
    "headrace": {"__version__"},
    "headrace.app": {"Ready", "run"},
    "headrace.arrays": {
        "DATATYPES",
        "ITEM_BYTES",
        "datatype_of",
        "from_array",
        "join_bytes",
        "split_bytes",
        "to_array",
    },
    "headrace.clock": {"Clock", "LoopClock", "Timer"},
    "headrace.config": {"Given", "Loaded", "SETTINGS", "Setting", "from_assignment", "load_config"},
    "headrace.inspection": {"inspect"},
    "headrace.records": {"BatchRecord", "ModelEvent", "Record", "Recorder", "RequestRecord", "WorkerEvent", "discard"},
    "headrace.runtimes.runtime": {"Arrays", "LoadedModel", "Runtime"},
    "headrace.servable": {"Answers", "Cancel", "Reply", "Servable", "answer"},
    "headrace.types": {
        "FREE",
        "Backlog",
        "BatchAxis",
        "BatchFacts",
        "Batching",
        "Context",
        "Manifest",
        "ModelRef",
        "ModelVersion",
        "Request",
        "Response",
        "Signature",
        "Tensor",
        "TensorSpec",
        "VersionState",
        "VersionStatus",
        "WarmUp",
        "WarmUpInput",
    },
}


@pytest.mark.parametrize("module", PUBLIC)
def test_a_module_keeps_its_public_names(module: str) -> None:
    missing = PUBLIC[module] - set(vars(importlib.import_module(module)))
    assert not missing


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_class_or_function_says_what_it_promises(module: str) -> None:
    names = vars(importlib.import_module(module))
    promises = {name: names[name] for name in PUBLIC[module] & set(names)}
    made = {name: value for name, value in promises.items() if inspect.isclass(value) or inspect.isfunction(value)}
    assert not {name for name, value in made.items() if not value.__doc__}

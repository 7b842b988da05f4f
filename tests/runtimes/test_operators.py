"""A model is loaded a second time and run: what counts is what runs say after the first."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.arrays import to_array
from headrace.errors import InputRefused, Unsupported
from headrace.runtimes import operators as module
from headrace.runtimes.operators import (
    WARM_UP,
    Asked,
    Given,
    Operator,
    Told,
    check_counts,
    find_out,
    made_up,
    with_shares,
)
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, BatchAxis, Signature, TensorSpec
from tests.fakes import signature
from tests.runtimes.manifests import manifest


class Model:
    """Takes two columns or more, and remembers what it was given."""

    inputs = outputs = ()
    platform = runtime = "fake"
    coarse = False

    def __init__(self) -> None:
        self.given: list[Any] = []

    def run(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        self.given.append(arrays["x"])
        if arrays["x"].shape[1] < 2:
            raise InputRefused("too narrow")
        return {"y": arrays["x"]}

    def close(self) -> None: ...


class Counts:
    """What it counts are the model's runs."""

    def __init__(self) -> None:
        self.model = Model()
        self.before = self.counted = 0

    def begin(self) -> None:
        self.before = len(self.model.given)

    def ran(self) -> None:
        self.counted += 1

    def operators(self) -> list[Operator]:
        return [Operator("all", "Fake", "", self.counted, 10.0)]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    made = Counts()
    monkeypatch.setattr(module, "_counting", lambda manifest, threads: made)
    return made


def asked(file: Path, shape: tuple[int, ...] = (FREE, 2), **more: Any) -> Asked:
    file.write_bytes(b"")
    return Asked(manifest(file), 1, signature(shape), 5, **more)


def test_only_the_runs_that_were_asked_for_count(counts: Counts, tmp_path: Path) -> None:
    told = find_out(asked(tmp_path / "model"))
    assert told.operators == (Operator("all", "Fake", "", 5, 10.0),)
    assert told.run_us > 0
    assert counts.before >= WARM_UP
    assert len(counts.model.given) == counts.before + 5


def test_samples_take_turns(counts: Counts, tmp_path: Path) -> None:
    samples = tuple((Given("x", "FP32", (1, 2), np.full(2, n, np.float32).tobytes()),) for n in range(3))
    find_out(asked(tmp_path / "model", samples=samples))
    assert [int(each[0, 0]) for each in counts.model.given[counts.before :]] == [0, 1, 2, 0, 1]


def test_made_up_inputs_are_of_sizes_that_the_model_takes(
    counts: Counts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SIZES", (1, 3))
    find_out(asked(tmp_path / "model", (FREE, FREE)))
    assert {each.shape for each in counts.model.given[counts.before :]} == {(1, 3)}


def test_where_none_can_be_made_up_that_is_said(counts: Counts, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="ask again once it was asked: too narrow"):
        find_out(asked(tmp_path / "model", (FREE, 1)))


def test_inputs_are_made_up_of_every_kind() -> None:
    kinds = ("FP16", "INT64", "BOOL", "BYTES", "BF16")
    specs = tuple(TensorSpec(kind, kind, (FREE, FREE, 3)) for kind in kinds)
    of = Signature((*specs, TensorSpec("left out", "FP32", (1,), optional=True)), (), BatchAxis(False), "", "")
    made = made_up(of, 4)
    assert [(each.name, each.shape) for each in made] == [(kind, (4, 4, 3)) for kind in kinds]
    assert to_array(made[0]).max() > 0
    assert not to_array(made[1]).any()


def test_those_that_take_most_come_first_with_their_shares() -> None:
    told = Told((Operator("a", "Add", "float 1", 4, 10.0), Operator("b", "Mul", "", 2, 30.0)), 50.0)
    first, second = with_shares(told, runs=2)
    assert first == {"name": "b", "type": "Mul", "shape": "", "calls": 1, "mean_us": 15, "share": 0.75}
    assert (second["name"], second["share"]) == ("a", 0.25)
    assert with_shares(Told((), 1.0), 2) == []


def test_a_runtime_that_does_not_tell_is_named_with_those_that_do() -> None:
    with pytest.raises(Unsupported, match="'llm' cannot be looked into, only those of onnx and openvino models"):
        check_counts("llm")

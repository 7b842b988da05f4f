"""How a model's threads are to be, said of its manifest."""

from pathlib import Path

import pytest

from headrace.batching.laying import Laying, laid, may_be, spins
from headrace.types import Manifest, Variant

FILE = Path("/m/model.onnx")


def manifest(runtime: str = "onnx", variants: int = 0, **parameters: str) -> Manifest:
    files = tuple(Variant(str(number), FILE, "onnx", 1.0) for number in range(variants))
    return Manifest("m", 1, FILE, runtime, variants=files, parameters=parameters)


@pytest.mark.parametrize(
    ("said", "threads", "fixed", "found"),
    [
        (manifest(), 2, False, Laying(True, True)),
        (manifest(), 1, False, Laying()),
        (manifest(), 2, True, Laying(halved=False, still=True)),
        (manifest("openvino"), 2, False, Laying(halved=True, still=False)),
        (manifest(spinning="on"), 2, False, Laying(halved=True, still=False)),
        (manifest(variants=2), 2, True, Laying()),
    ],
)
def test_what_a_manifest_settles_stays_as_it_is(said: Manifest, threads: int, fixed: bool, found: Laying) -> None:
    assert may_be(said, threads, fixed=fixed) == found


def test_it_is_said_as_a_user_would_say_it() -> None:
    said = laid(manifest(precision="f32"), 4, Laying(halved=True, still=True))
    assert said.threads == 2
    assert said.parameters == {"precision": "f32", "spinning": "off"}
    assert laid(manifest(), 4, Laying()) == manifest()


def test_what_its_times_depend_on_is_nothing_new_where_it_says_nothing() -> None:
    assert spins(manifest()) == ()
    assert spins(laid(manifest(), 2, Laying(still=True))) == ("off",)

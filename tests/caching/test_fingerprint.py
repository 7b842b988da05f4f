"""Equal requests have one fingerprint, and all that an answer may depend on makes another."""

from collections.abc import Callable

import msgspec
import pytest

from headrace.caching.fingerprint import Fingerprint, fingerprint
from headrace.types import Context, ModelRef, Request, Tensor

X = Tensor("x", "FP32", (1, 2), b"01234567")
Y = Tensor("y", "INT64", (1,), b"76543210")
ASKED = Request("a", ModelRef("m"), (X, Y), ("out",), {"k": 1}, Context(1, "http", tenant="t"))

OUTPUTS = ("out", "other")
"""All that the model has."""

Change = Callable[[Request], Request]


def _changed(**fields: object) -> Change:
    return lambda asked: msgspec.structs.replace(asked, **fields)


def _said(**fields: object) -> Change:
    return lambda asked: msgspec.structs.replace(asked, context=msgspec.structs.replace(asked.context, **fields))


def _x(**fields: object) -> Change:
    return _changed(inputs=(msgspec.structs.replace(X, **fields), Y))


def _of(asked: Request) -> Fingerprint:
    return fingerprint(asked, OUTPUTS)


@pytest.mark.parametrize(
    "change",
    [
        _changed(id="b"),
        _changed(model=ModelRef("m", 1)),
        _changed(inputs=(Y, X)),
        _x(data=memoryview(X.data)),
        _said(arrived_ns=2, protocol="grpc", trace="00", deadline_ns=9, priority=1),
        _said(min_accuracy=0.5, variant="int8"),  # which variants may answer is looked at beside it
    ],
)
def test_how_a_request_came_does_not_matter(change: Change) -> None:
    assert _of(change(ASKED)) == _of(ASKED)


@pytest.mark.parametrize(
    "change",
    [
        _x(name="z"),
        _x(datatype="INT32"),
        _x(shape=(2, 1)),
        _x(data=b"01234568"),
        _changed(inputs=(X,)),
        _changed(outputs=()),
        _changed(outputs=("out", "other")),
        _changed(parameters={"k": 2}),
        _changed(parameters={"k": True}),
        _changed(parameters={"k": "1"}),
        _said(tenant="u"),
    ],
)
def test_what_an_answer_may_depend_on_matters(change: Change) -> None:
    assert _of(change(ASKED)) != _of(ASKED)


def test_bytes_do_not_move_from_one_tensor_to_another() -> None:
    one = (Tensor("x", "BYTES", (1,), b"ab"), Tensor("y", "BYTES", (1,), b"c"))
    other = (Tensor("x", "BYTES", (1,), b"a"), Tensor("y", "BYTES", (1,), b"bc"))
    assert _of(_changed(inputs=one)(ASKED)) != _of(_changed(inputs=other)(ASKED))


def test_who_names_no_outputs_asks_for_all_in_the_models_order() -> None:
    none, every, turned = (_of(_changed(outputs=names)(ASKED)) for names in ((), OUTPUTS, OUTPUTS[::-1]))
    assert none == every != turned

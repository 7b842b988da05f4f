"""JSON that repeats is read once, and says the same as when it was read."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import from_array
from headrace.errors import InvalidRequest
from headrace.models.registry import Registry
from headrace.protocols.oip.head import Head
from headrace.protocols.oip.rest import read_request, write_response
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.templates import MOST, Templates
from headrace.protocols.oip.wanted import Wanted
from headrace.types import BatchFacts, ModelRef, ModelVersion, Request, Response

FACTS = BatchFacts(1, 1, "idle", 0, 0)


def body(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], datatype: str = "FP32", **more: object) -> bytes:
    one = {"name": "x", "shape": array.shape, "datatype": datatype, "parameters": {"binary_data_size": array.nbytes}}
    return json.dumps(
        {"inputs": [one], "outputs": [{"name": "y", "parameters": {"binary_data": True}}], **more}
    ).encode()


def read(templates: Templates, text: bytes, raw: bytes) -> tuple[Request, Wanted]:
    head = Head(ModelRef("m"), json_bytes=len(text))
    return read_request(head, memoryview(text + raw), head.context(7), Registry(), Regions(False), templates)


def plain(request: Request) -> object:
    """What can be compared: data that lies elsewhere is the same if its bytes are."""
    tensors = [(tensor.name, tensor.datatype, tensor.shape, bytes(tensor.data)) for tensor in request.inputs]
    return request.id, request.model, request.outputs, request.parameters, request.context, tensors


@given(st.lists(st.integers(0, 4), max_size=3), st.booleans())
def test_a_request_read_by_its_template_is_the_request_read_anew(shape: list[int], named: bool) -> None:
    templates = Templates()
    array = np.ones(shape, np.float32)
    text = body(array, **({"id": "7"} if named else {}))
    read(templates, text, array.tobytes())
    again, anew = read(templates, text, (array * 2).tobytes()), read(Templates(), text, (array * 2).tobytes())
    assert plain(again[0]) == plain(anew[0])
    assert again[1]._replace(answers=None) == anew[1]._replace(answers=None)


def test_an_answer_of_a_form_that_came_before_has_the_same_json() -> None:
    templates, array = Templates(), np.ones((1, 2), np.float32)
    _, wanted = read(templates, body(array), array.tobytes())
    first = write_response(Response(ModelVersion("m", 1), (from_array("y", array),), FACTS), wanted, Regions(False))
    second = write_response(Response(ModelVersion("m", 1), (from_array("y", -array),), FACTS), wanted, Regions(False))
    assert first.json is second.json
    assert bytes(second.tensors[0]) == (-array).tobytes()


def test_an_answer_of_another_version_or_shape_has_its_own_json() -> None:
    templates, array = Templates(), np.ones((1, 2), np.float32)
    _, wanted = read(templates, body(array), array.tobytes())
    texts = {
        write_response(
            Response(ModelVersion("m", version), (from_array("y", given),), FACTS), wanted, Regions(False)
        ).json
        for version, given in ((1, array), (2, array), (1, np.ones((2, 2), np.float32)))
    }
    assert len(texts) == 3


def test_more_bytes_than_the_template_has_are_refused_like_the_first_time() -> None:
    templates, array = Templates(), np.ones((1, 2), np.float32)
    read(templates, body(array), array.tobytes())
    with pytest.raises(InvalidRequest, match="9 bytes follow the JSON"):
        read(templates, body(array), array.tobytes() + b"x")


@pytest.mark.parametrize(("datatype", "wrong"), [("BOOL", b"\x02"), ("BYTES", b"\xff\xff\xff\xff")])
def test_values_that_have_to_be_looked_at_are_looked_at_each_time(datatype: str, wrong: bytes) -> None:
    templates = Templates()
    right = b"\x01" if datatype == "BOOL" else b"\0\0\0\0"
    text = body(np.frombuffer(right, np.uint8), datatype).replace(b'"shape": [4]', b'"shape": [1]')
    read(templates, text, right)
    with pytest.raises(InvalidRequest):
        read(templates, text, wrong)


def test_parameters_are_read_each_time() -> None:
    templates, array = Templates(), np.ones(1, np.float32)
    text = body(array, parameters={"timeout": 5})
    first, second = read(templates, text, array.tobytes()), read(templates, text, array.tobytes())
    assert first[0].context.deadline_ns == second[0].context.deadline_ns == 7 + 5000
    assert second[1].answers is None


def test_templates_are_bounded() -> None:
    templates = Templates()
    for number in range(1, 3 * MOST):
        array = np.ones(number, np.float32)
        read(templates, body(array), array.tobytes())
    assert len(templates._known) <= MOST


def test_requests_with_ids_do_not_drive_out_what_comes_again() -> None:
    templates, array = Templates(), np.ones(1, np.float32)
    _, wanted = read(templates, body(array), array.tobytes())
    for number in range(3 * MOST):
        read(templates, body(array, id=str(number)), array.tobytes())
    assert read(templates, body(array), array.tobytes())[1] is wanted


def test_an_empty_id_is_told_again_as_it_was_sent() -> None:
    templates, array = Templates(), np.ones(1, np.float32)
    text = body(array, id="")
    ids = [read(templates, text, array.tobytes())[1].id for _ in range(2)]
    assert ids == ["", ""]

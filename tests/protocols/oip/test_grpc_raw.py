"""Raw contents are cut out and put in as protobuf would: it is the slow, obvious version that ours is held against."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse, ModelStreamInferResponse
from headrace.protocols.oip.grpc_raw import Cutter, in_stream, with_contents

CONTENTS = st.lists(st.binary(max_size=300), max_size=4)


def request(contents: list[bytes], name: str = "INPUT") -> ModelInferRequest:
    message = ModelInferRequest(model_name="m", id="7", raw_input_contents=contents)
    message.inputs.add(name=name, datatype="FP32", shape=[1, 2**40])
    message.parameters["priority"].int64_param = -1
    return message


def whole(rest: bytes, request_id: str) -> ModelInferRequest:
    message = ModelInferRequest.FromString(rest)
    message.id = request_id or message.id
    return message


@given(CONTENTS, st.text(max_size=200))
def test_contents_are_cut_out_and_the_rest_is_the_message_without_them(contents: list[bytes], name: str) -> None:
    rest, raw, request_id = Cutter().cut(request(contents, name).SerializeToString())
    assert [bytes(one) for one in raw] == contents
    assert request_id == "7"
    assert whole(rest, request_id) == request([], name)


def test_contents_may_come_before_what_describes_them() -> None:
    sent = request([b"ab"]).SerializeToString()
    rest, raw, request_id = Cutter().cut(b"\x3a\x03xyz" + sent)
    assert [bytes(one) for one in raw] == [b"xyz", b"ab"]
    assert whole(rest, request_id) == request([])


def test_contents_are_shown_in_place() -> None:
    sent = request([bytes(1 << 20)]).SerializeToString()
    _, (one,), _ = Cutter().cut(sent)
    assert isinstance(one, memoryview)
    assert one.obj is sent


@pytest.mark.parametrize(("typed", "raw"), [(3, 0), (3, 3), (1100, 0), (1100, 1100), (1100, 7)])
def test_it_has_not_more_inputs_than_is_found_without_reading_them(typed: int, raw: int) -> None:
    inputs = [ModelInferRequest.InferInputTensor(name="x") for _ in range(typed)]
    parts = Cutter().cut(ModelInferRequest(inputs=inputs, raw_input_contents=[b"r"] * raw).SerializeToString())
    assert parts.most_tensors == (max(typed, raw) if typed > 1000 else raw)


@pytest.mark.parametrize("field", [b"\x3a\x00", b"\x2a\x00", b"\x60\x00"])
def test_more_fields_than_a_request_can_need_are_not_read(field: bytes) -> None:
    Cutter().cut(field * 16_384)
    with pytest.raises(InvalidRequest, match=r"^the message has more than 16384 fields, the most that are read$"):
        Cutter().cut(field * 16_385)


@pytest.mark.parametrize("no_message", [b"\x0b\x0c", b"\x3a\xff\xff\xff\x7f"])
def test_many_bytes_that_are_no_message_are_not_left_to_protobuf(no_message: bytes) -> None:
    assert Cutter().cut(no_message).rest == no_message
    with pytest.raises(InvalidRequest, match=r"^the bytes are no inference\.ModelInferRequest message$"):
        Cutter().cut(no_message + bytes(1 << 20))


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    message = bytearray(request(draw(CONTENTS)).SerializeToString())
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(message)))
        message[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(message)


@pytest.mark.fuzz
@given(st.one_of(spoiled(), st.binary(max_size=40)))
def test_any_bytes_mean_what_they_mean_to_protobuf(sent: bytes) -> None:
    rest, raw, request_id = Cutter().cut(sent)
    try:
        expected = ModelInferRequest.FromString(sent)
    except DecodeError:
        with pytest.raises(DecodeError):
            ModelInferRequest.FromString(rest)
        return
    found = whole(rest, request_id)
    found.raw_input_contents.extend(bytes(one) for one in raw)
    assert found.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


@given(CONTENTS)
def test_contents_are_put_in_in_their_order(contents: list[bytes]) -> None:
    message = ModelInferResponse(model_name="m", id="7")
    made = with_contents(message.SerializeToString(), [memoryview(one) for one in contents])
    message.raw_output_contents.extend(contents)
    assert ModelInferResponse.FromString(bytes(made)) == message
    assert ModelStreamInferResponse.FromString(in_stream(made)).infer_response == message


@pytest.mark.fuzz
@given(st.lists(spoiled(), min_size=2, max_size=4), st.binary(max_size=300))
def test_what_was_cut_before_changes_nothing_of_what_is_cut(earlier: list[bytes], last: bytes) -> None:
    cutter = Cutter()
    for sent in (*earlier, last, *earlier):
        found, alone = cutter.cut(sent), Cutter().cut(sent)
        assert (found.rest, list(map(bytes, found.raw)), found.request_id) == (
            alone.rest,
            list(map(bytes, alone.raw)),
            alone.request_id,
        )


@given(st.binary(min_size=4, max_size=4), st.integers(0, 200), st.binary(min_size=1, max_size=1))
def test_a_message_of_the_same_size_that_differs_anywhere_is_cut_for_what_it_is(
    contents: bytes, at: int, byte: bytes
) -> None:
    cutter = Cutter()
    sent = request([b"abcd"]).SerializeToString()
    cutter.cut(sent)
    changed = bytearray(request([contents]).SerializeToString())
    changed[at % len(sent) : at % len(sent) + 1] = byte
    found, alone = cutter.cut(bytes(changed)), Cutter().cut(bytes(changed))
    assert (found.rest, list(map(bytes, found.raw)), found.request_id) == (
        alone.rest,
        list(map(bytes, alone.raw)),
        alone.request_id,
    )

"""Inference over HTTP: head and body -> Request, and how the answer is wanted; Response -> body. No sockets."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from headrace.errors import InvalidRequest
from headrace.models.registry import Registry
from headrace.protocols.beside import LONG_BYTES, LONG_TENSORS
from headrace.protocols.json_body import decode
from headrace.protocols.oip.classification import classify
from headrace.protocols.oip.head import Head
from headrace.protocols.oip.outline import outlined
from headrace.protocols.oip.parameter_values import flag, integer
from headrace.protocols.oip.parameters import forwarded, limited
from headrace.protocols.oip.shapes import MAX_NAMED, check_content
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import REGION, SharedInputs, write_shared
from headrace.protocols.oip.templates import Template, Templates
from headrace.protocols.oip.tensors import Written, from_body, from_json, to_json
from headrace.protocols.oip.wanted import Answers, Outputs, Wanted
from headrace.protocols.request_id import names_of
from headrace.types import Buffer, Context, Parameter, Request, Response, Shape, Tensor

_Parameters = dict[str, Parameter] | None


class _Input(msgspec.Struct):
    name: str
    shape: Shape
    datatype: str
    parameters: _Parameters = None
    data: msgspec.Raw = msgspec.Raw()  # decoded once the datatype is known


class _Output(msgspec.Struct):
    name: str
    parameters: _Parameters = None


class _Infer(msgspec.Struct):
    inputs: Annotated[tuple[_Input, ...], Meta(max_length=MAX_NAMED)]
    id: str | None = None
    parameters: _Parameters = None
    outputs: Annotated[tuple[_Output, ...], Meta(max_length=MAX_NAMED)] | None = None


_LEAST_BYTES = len(b'{"name":"","shape":[],"datatype":"FP32"}')
_MARK = b"\0"  # which is in no JSON
_ELSEWHERE = msgspec.Raw(_MARK)
_ABSENT = (b"", b"null")
_DECODER = msgspec.json.Decoder(_Infer)
_encode = msgspec.json.Encoder().encode


class Body(msgspec.Struct, frozen=True):
    """The body of an answer: JSON, then raw tensors, if any are wanted raw; and the header lines that say so."""

    json: bytes
    tensors: list[Buffer]
    headers: bytes
    more: Sequence[bytes] = ()
    """How the JSON goes on, where it is long: one piece would be copied while all others wait."""


def most_tensors(json: memoryview) -> int:
    """A number of inputs that a body's JSON has not more of, found without reading it or going through a long one."""
    most = len(json) // _LEAST_BYTES
    return most if most <= LONG_TENSORS or len(json) > LONG_BYTES else min(most, bytes(json).count(b"{"))


def read_request(
    head: Head,
    body: memoryview,
    context: Context,
    registry: Registry,
    regions: Regions,
    templates: Templates,
    own_id: str = "",
) -> tuple[Request, Wanted]:
    """The request and how its answer is wanted; tensors sent as binary data stay where they are in the body.

    `context` is what the head says; `own_id` names a request whose client gives it no id.
    Raises InvalidRequest with the field's path, NotFound for a region or a model asked for its signature.
    """
    size = len(body) if head.json_bytes is None else head.json_bytes
    if size > len(body):
        raise InvalidRequest(f"{size} is more than the body's {len(body)} bytes", "Inference-Header-Content-Length")
    if size == 0 and head.json_bytes == 0:
        return _read_raw(head, body, context, registry, own_id)
    known = read_known(head, body, context, templates, own_id)
    if known is not None:
        return known
    json, raw = body[:size], body[size:]
    infer, lists = _decoded(json)
    request, wanted = _read(infer, lists, head, raw, context, registry, regions, own_id)
    comes_again = not infer.id  # few ids do, and kept they would soon drive out what others send again
    if raw and comes_again and not infer.parameters and _sent_raw(infer) and wanted.all_binary:
        wanted = wanted._replace(answers=Answers())
        templates.keep(json, request, wanted)
    return request, wanted


def _decoded(json: memoryview) -> tuple[_Infer, dict[bytes, memoryview]]:
    """What the JSON says, and of a long one the lists that are yet to be read, by what stands in their places."""
    if len(json) <= LONG_BYTES:
        return decode(_DECODER, json), {}
    outline = outlined(json)
    return outline.decoded(_DECODER), outline.lists


def read_known(
    head: Head, body: memoryview, context: Context, templates: Templates, own_id: str
) -> tuple[Request, Wanted] | None:
    """The same for a body that differs in its raw tensors alone from one that was read; None for all others."""
    template = templates.fitting(head.json_bytes, body)
    return None if template is None else read_by(template, head, body, context, own_id)


def read_by(template: Template, head: Head, body: memoryview, context: Context, own_id: str) -> tuple[Request, Wanted]:
    """The request of a body that fits a template."""
    tensors = template.tensors(body[head.json_bytes :])
    return Request(head.request_id or own_id, head.model, tensors, template.outputs, {}, context), template.wanted


def _read(
    infer: _Infer,
    lists: dict[bytes, memoryview],
    head: Head,
    raw: memoryview,
    context: Context,
    registry: Registry,
    regions: Regions,
    own_id: str,
) -> tuple[Request, Wanted]:
    parameters = infer.parameters or {}
    if parameters:
        context = limited(head.limits, parameters).context(context.arrived_ns, "http", head.trace, head.headers)
    inputs = _read_inputs(infer.inputs, lists, raw, regions)
    binary = flag(parameters, "binary_data_output", "parameters")
    outputs = Outputs(head.model, registry, regions, binary)
    for output in infer.outputs or ():
        outputs.add(output.name, output.parameters)
    names = tuple(outputs.found)
    asked, also = names_of(head.request_id, infer.id or "")
    request = Request(asked or own_id, head.model, inputs, names, forwarded(parameters), context, None, also)
    return request, Wanted(infer.id, binary, outputs.found)


def _sent_raw(infer: _Infer) -> bool:
    return all(one.parameters and "binary_data_size" in one.parameters for one in infer.inputs)


def _read_raw(
    head: Head, body: memoryview, context: Context, registry: Registry, own_id: str
) -> tuple[Request, Wanted]:
    """A body without JSON: the model's one input, and all outputs in binary."""
    signature = registry.get(head.model).signature
    if len(signature.inputs) != 1:
        what = f"a raw binary request needs a model of one input, {head.model.name!r} has {len(signature.inputs)}"
        raise InvalidRequest(f"{what}; send a JSON header", "Inference-Header-Content-Length")
    tensor = from_body(signature.inputs[0], body, signature.batch.batched)
    return Request(head.request_id or own_id, head.model, (tensor,), context=context), Wanted(None, True, {})


def _read_inputs(
    sent: Sequence[_Input], lists: dict[bytes, memoryview], raw: memoryview, regions: Regions
) -> tuple[Tensor, ...]:
    inputs, at, shared = [], 0, SharedInputs(regions)
    for index, one in enumerate(sent):
        where = f"inputs[{index}]"
        parameters = one.parameters
        json_data = memoryview(one.data)
        if lists:
            json_data = lists.pop(bytes(json_data), json_data)
        if parameters and "binary_data_size" in parameters:
            size = integer(parameters, "binary_data_size", f"{where}.parameters")
            data: Buffer = raw[at : at + size]
            if len(data) < size:
                what = f"{size} bytes are announced, {len(raw) - at} are left in the body"
                raise InvalidRequest(what, f"{where}.parameters.binary_data_size")
            at += size
        elif parameters and REGION in parameters:
            data = shared.read(one.datatype, one.shape, parameters, where)
        elif json_data in _ABSENT:
            raise InvalidRequest("is missing; or binary_data_size or shared_memory_region", f"{where}.data")
        else:
            inputs.append(from_json(one.name, one.datatype, one.shape, json_data, where))
            continue
        if json_data not in _ABSENT:
            raise InvalidRequest("is sent twice: as JSON and as binary data or shared memory", f"{where}.data")
        check_content(one.datatype, one.shape, data, where)
        inputs.append(Tensor(one.name, one.datatype, one.shape, data))
    if at != len(raw):
        raise InvalidRequest(f"{len(raw)} bytes follow the JSON, the inputs' binary_data_size are {at} together")
    return tuple(inputs)


def write_response(response: Response, wanted: Wanted, regions: Regions) -> Body:
    """The body of an answer; outputs wanted in shared memory are written there.

    `tensors` lie where the response's do, so they must be copied before it ends. Raises InvalidRequest for an output
    that cannot be sent as it is wanted.
    """
    if wanted.answers is not None and (known := wanted.answers.get(response)) is not None:
        json, headers = known
        return Body(json, [tensor.data for tensor in response.outputs], headers)
    outputs: list[dict[str, Any]] = []
    tensors: list[Buffer] = []
    long: list[Written] = []
    for tensor in response.outputs:
        how = wanted.outputs.get(tensor.name)
        if how is not None and how.classes is not None:
            tensor = classify(tensor, *how.classes)  # noqa: PLW2901
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        if how is not None and how.place is not None:
            # The place is not told, as by Triton: its C++ client takes any parameters for binary data.
            write_shared(tensor, how.place, how.where, regions)
        elif wanted.binary if how is None else how.binary:
            output["parameters"] = {"binary_data_size": len(tensor.data)}
            tensors.append(tensor.data)
        else:
            data: list[Any] | Written | msgspec.Raw = to_json(tensor, "outputs" if how is None else how.where)
            if isinstance(data, Written):
                long.append(data)
                data = _ELSEWHERE
            output["data"] = data
        outputs.append(output)
    head: dict[str, Any] = {"model_name": response.model.name, "model_version": str(response.model.version)}
    if wanted.id is not None:
        head["id"] = wanted.id
    if response.parameters:
        head["parameters"] = response.parameters
    head["outputs"] = outputs
    json = _encode(head)
    more: Sequence[bytes] = ()
    if long:
        json, *more = _put_in(json, long)
    headers = _content_type(len(json) + sum(map(len, more)) if tensors else None)
    if wanted.answers is not None and not response.parameters:
        wanted.answers.keep(response, json, headers)
    return Body(json, tensors, headers, more)


def _put_in(json: bytes, long: list[Written]) -> list[bytes]:
    """The JSON in pieces, with the lists that are elsewhere."""
    first, *others = json.split(_MARK)
    pieces = [first]
    for written, behind in zip(long, others, strict=True):
        pieces += (*written.pieces, behind)
    return pieces


def _content_type(json_bytes: int | None) -> bytes:
    """Of a body that begins with so much JSON, or that is JSON throughout."""
    if json_bytes is None:
        return b"content-type: application/json\r\n"
    return b"content-type: application/octet-stream\r\ninference-header-content-length: %d\r\n" % json_bytes

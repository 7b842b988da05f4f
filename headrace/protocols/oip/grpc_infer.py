"""ModelInfer: one request, one answer."""

import asyncio

from headrace.errors import HeadraceError
from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_call import Call, deadline_ns, fault, trace
from headrace.protocols.oip.grpc_messages import Wanted, read_request, write_response
from headrace.protocols.oip.shared_memory import Regions
from headrace.types import Response


class Infer:
    """Hands inferences to the gateway and waits for the answer; a call that ends early is cancelled below."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def infer(self, message: ModelInferRequest, call: Call) -> ModelInferResponse:
        front = self._front
        now_ns = front.clock.now_ns()
        request, wanted = read_request(
            message, now_ns, deadline_ns(call, now_ns), trace(call), front.registry, front.regions
        )
        answered: asyncio.Future[ModelInferResponse | HeadraceError] = asyncio.get_running_loop().create_future()

        def reply(answer: Response | HeadraceError) -> None:
            if not answered.done():
                answered.set_result(written(answer, request.id, wanted, front.regions))

        cancel = front.gateway.submit(request, reply)
        try:
            answer = await answered
        finally:
            cancel()
        if isinstance(answer, HeadraceError):
            raise answer
        return answer


def written(
    answer: Response | HeadraceError, request_id: str, wanted: Wanted, regions: Regions
) -> ModelInferResponse | HeadraceError:
    """The answer as a message, or the reason why it cannot be one: a Reply must not raise."""
    if isinstance(answer, HeadraceError):
        return answer
    try:
        return write_response(answer, request_id, wanted, regions)
    except HeadraceError as error:
        return error
    except Exception:
        return fault("writing an answer failed")

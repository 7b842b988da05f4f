"""ModelInfer: one request, one answer."""

from headrace.errors import HeadraceError
from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_call import Call, deadline_ns, fault, parse, refuse, trace
from headrace.protocols.oip.grpc_messages import Wanted, read_request, write_response
from headrace.protocols.oip.shared_memory import Regions
from headrace.types import Response


class Infer:
    """Hands inferences to the gateway; no task or future waits for the answer, its callback sends it."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def infer(self, sent: bytes, call: Call) -> None:
        """Begin to answer; a call that ends early is cancelled below."""
        front = self._front
        now_ns = front.clock.now_ns()
        try:
            message = parse(ModelInferRequest, sent)
            deadline = deadline_ns(call, now_ns)
            request, wanted = read_request(message, now_ns, deadline, trace(call), front.registry, front.regions)
        except HeadraceError as error:
            refuse(call, error)
            return
        except Exception:
            refuse(call, fault("reading a request failed"))
            return

        def reply(answer: Response | HeadraceError) -> None:
            said = written(answer, request.id, wanted, front.regions)
            if isinstance(said, HeadraceError):
                refuse(call, said)
            else:
                call.finish(said.SerializeToString())

        call.when_left(front.gateway.submit(request, reply))


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

"""The words in which gRPC methods are written, as servers and fakes speak them."""

from headrace.protocols.grpc.method import Call
from tests.protocols.oip.fake_call import FakeCall


def test_an_answer_may_carry_trailers() -> None:
    call = FakeCall()
    asked: Call = call
    asked.finish(b"x", (("x-queue-ms", "1.000"),))
    assert call.ended is not None
    assert call.ended.trailers == (("x-queue-ms", "1.000"),)

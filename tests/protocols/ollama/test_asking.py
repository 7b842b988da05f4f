"""Where an answer in Ollama's form begins."""

from headrace.protocols.ollama.asking import begin
from tests.protocols.oip.stub import Stub


async def test_the_clock_of_an_answer_runs_from_its_request() -> None:
    stub = Stub()
    head = begin(stub.front, "m", 0.0)
    assert (head.model, head.created_at) == ("m", "1970-01-01T00:00:00Z")
    before = head.elapsed_ns()
    assert 0 <= before <= head.elapsed_ns()

"""What waited for a version that is gone is asked of whatever stands for the model."""

from pathlib import Path

from headrace.models.elsewhere import Elsewhere
from headrace.models.registry import Registry, Served
from headrace.types import Backlog, Manifest, ModelVersion
from tests.fakes import Got, request
from tests.models.reconcile_bench import Answering


def test_it_is_asked_of_what_stands_for_the_model_now() -> None:
    registry, told = Registry(), list[str]()
    manifest = Manifest("m", 2, Path("model.onnx"), "onnx")
    registry.publish(Served(ModelVersion("m", 2), manifest, Answering(manifest, told)))
    Elsewhere(registry).submit(request([[1.0]]), Got())
    assert told == ["m/2 is asked"]


async def test_where_there_is_nothing_the_caller_is_told() -> None:
    elsewhere, got = Elsewhere(Registry()), Got()
    elsewhere.submit(request([[1.0]]), got)()
    assert got.error == "model_not_found"
    await elsewhere.drain()
    await elsewhere.close()
    assert elsewhere.backlog() == Backlog(0, 0)

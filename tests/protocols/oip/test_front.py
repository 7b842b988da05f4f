"""What the server says that it speaks."""

from headrace.protocols.oip.front import EXTENSIONS
from tests.protocols.oip.stub import Stub


def test_the_extensions_that_are_spoken_are_in_tritons_order() -> None:
    assert EXTENSIONS == (
        "classification",
        "model_repository",
        "model_repository(unload_dependents)",
        "schedule_policy",
        "model_configuration",
        "system_shared_memory",
        "binary_tensor_data",
        "parameters",
        "statistics",
        "trace",
        "logging",
    )


async def test_shared_memory_is_among_them_only_where_it_is_on() -> None:
    assert Stub(shared_memory=True).front.extensions == EXTENSIONS
    assert set(EXTENSIONS) - set(Stub(shared_memory=False).front.extensions) == {"system_shared_memory"}

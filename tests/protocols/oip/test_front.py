"""What the server says that it speaks."""

from headrace.protocols.oip.front import EXTENSIONS


def test_the_extensions_that_are_spoken_are_in_tritons_order() -> None:
    assert EXTENSIONS == (
        "classification",
        "sequence",
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

"""Why there was no connection."""

import pytest

from headrace.bench.connecting import reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError(113, "[Errno 113] No route to host"), "no route to host"),
        (OSError("[Errno -2] Name or service not known"), "name or service not known"),
        (TimeoutError(), "no connection in time"),
        (ConnectionResetError(), "connectionreseterror"),
    ],
)
def test_a_fault_is_told_in_a_few_words(error: OSError, words: str) -> None:
    assert reason(error) == words

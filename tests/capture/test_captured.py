"""How large a captured request is."""

from tests.capture.test_store import captured


def test_its_tensors_count() -> None:
    assert captured(size=10).num_bytes == 20

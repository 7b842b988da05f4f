"""The model configuration that a load brings along."""

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.oip.load_config import read_config


def test_a_configuration_is_json_in_a_text() -> None:
    assert read_config('{"max_batch_size": 8}', "parameters.config") == {"max_batch_size": 8}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON: it ends too early"),
        ("max_batch_size: 8", r"not JSON: invalid character \(byte 0\)"),
        ('{"max_batch_size": }', r"not JSON: invalid character \(byte 19\)"),
        ("[]", "its text is JSON, but not of an object, as a model's configuration is$"),
        ('"{}"', "its text is JSON, but not of an object, .*; it was encoded twice"),
    ],
)
def test_what_is_no_configuration_is_refused_with_what_it_is(text: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as caught:
        read_config(text, "parameters.config")
    assert caught.value.where == "parameters.config"

"""A file that lies says in the index why it is not served, and the models beside it are."""

import pytest

from tests.e2e.attack import Target

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("truncated", "it is truncated"),
        ("counts", "tensor_count: is 1152921504606846976, more than a file of this size can hold"),
        ("pairs", "metadata_kv_count: is 1152921504606846976, more than"),
        ("version", "version: must be 2 or 3, is 9"),
        ("text", "this is no GGUF file"),
        ("tokenizer", "tokenizer"),
        ("layers", "block_count: must be a whole number"),
        ("family", "'mamba' is not supported"),
        ("gone", "is missing"),
        ("header_size", "says that its header has"),
        ("header_offsets", "data_offsets"),
        ("header_json", "its header is not JSON"),
        ("cut_short", "data_offsets"),
    ],
)
def test_what_is_no_model_says_why(target: Target, name: str, reason: str) -> None:
    line = target.index()[name]
    assert line["state"] == "UNAVAILABLE"
    assert reason in line["reason"]
    refused = target.post("/v1/completions", {"model": name, "prompt": "a"})
    assert refused.status in (404, 503)
    assert b'"error"' in refused.body


def test_the_models_beside_them_are_served(target: Target) -> None:
    assert {target.index()[name]["state"] for name in ("smollm2", "minilm_text")} == {"READY"}

"""Where to ask instead of a path that another server has."""

import pytest

from headrace.protocols.other_paths import elsewhere


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/chat/completions", "did you mean /v1/chat/completions? The base URL of OpenAI's clients ends in /v1"),
        ("/v1/v1/messages", "did you mean /v1/messages? This client puts /v1 behind its base URL itself"),
        ("/v3", ""),
        ("/v1/scores", ""),
    ],
)
def test_where_a_base_url_is_likely_wrong_the_right_path_is_told(path: str, told: str) -> None:
    assert elsewhere(path) == told


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/score", "/v1/rerank"),
        ("/v1/score", "/v1/rerank"),
        ("/pooling", "/v1/embeddings"),
        ("/classify", "/v2/models/NAME/infer"),
        ("/completion", "/v1/completions"),
        ("/embedding", "/v1/embeddings"),
        ("/infill", "not offered"),
        ("/v1/reranking", "/v1/rerank"),
        ("/embed", "/v1/embeddings"),
        ("/generate_stream", "/v2/models/NAME/generate"),
        ("/invocations", "/v2/models/NAME/infer"),
        ("/ping", "/v2/health/ready"),
        ("/v1/models/half_plus_two:predict", "/v2/models/half_plus_two/infer,"),
        ("/v1/models/m:1:classify", "/v2/models/m:1/infer,"),
        ("/v1/models/m/versions/3:regress", "/v2/models/m/versions/3/infer,"),
        ("/v1/models/m/labels/stable:predict", "/v2/models/m/infer,"),
    ],
)
def test_paths_of_other_servers_lead_to_where_the_same_is_asked(path: str, there: str) -> None:
    assert there in elsewhere(path)


@pytest.mark.parametrize("path", ["/v1/models/m", "/v1/models/m:3", "/v1/models/m:predicted"])
def test_a_models_own_path_is_none_of_them(path: str) -> None:
    assert elsewhere(path) == ""

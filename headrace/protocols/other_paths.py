"""Paths that other servers have and this one has not, and where the same is asked here. No route is known here."""

import re

_UNDER_V1 = {"/chat/completions", "/completions", "/embeddings", "/messages", "/models", "/responses"}
"""What is asked where a base URL lacks its end."""

_VECTORS = "/v1/embeddings gives vectors of texts"
_TENSORS = "a model that takes tensors is asked at /v2/models/NAME/infer"
_TEXT = "/v1/completions continues texts"
_GENERATE = "/v2/models/NAME/generate, /v1/completions and /v1/chat/completions continue texts"

_ELSEWHERE = {
    # vLLM's
    "/score": "/v1/rerank scores texts",
    "/pooling": _VECTORS,
    "/classify": _TENSORS,
    # llama.cpp's
    "/completion": _TEXT,
    "/embedding": _VECTORS,
    "/infill": f"text between two texts is not offered; {_TEXT}",
    "/reranking": "/v1/rerank orders texts",
    # text-embeddings-inference's and text-generation-inference's
    "/embed": _VECTORS,
    "/predict": _TENSORS,
    "/generate": _GENERATE,
    "/generate_stream": _GENERATE,
    # SageMaker's
    "/invocations": f"{_TENSORS}, and /v1/chat/completions, /v1/completions and /v1/embeddings answer texts",
    "/ping": "/v2/health/ready says whether the server is ready",
}
"""With what is told of each; under /v1 too."""

_VERB = re.compile(
    r"^/v1/models/(?P<name>.+?)(?:/versions/(?P<version>[0-9]+)|/labels/[^/:]+)?:(?:predict|classify|regress|explain)$"
)
"""As TensorFlow Serving and version 1 of KServe's protocol have it."""


def elsewhere(path: str) -> str:
    """Where to ask instead, as words that go on from a refusal of the path; empty where nothing is known of it."""
    if path in _UNDER_V1:
        return f"did you mean /v1{path}? The base URL of OpenAI's clients ends in /v1"
    if path.startswith("/v1/v1/"):
        return f"did you mean {path.removeprefix('/v1')}? This client puts /v1 behind its base URL itself"
    if verb := _VERB.match(path):
        version = f"/versions/{verb['version']}" if verb["version"] else ""
        return f"tensors are sent to /v2/models/{verb['name']}{version}/infer, in the Open Inference Protocol"
    return _ELSEWHERE.get(path.removeprefix("/v1"), "")

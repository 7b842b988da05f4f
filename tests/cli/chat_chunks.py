"""Streams of chat completions, as a server writes them."""

import json
from collections.abc import Sequence
from typing import Any

from tests.cli.conftest import Answer, Answers


def chunk(piece: str = "", finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": piece} if piece else {}, "finish_reason": finish}]}


def usage(completion_tokens: int, prompt_tokens: int = 7) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}}


def stream(*chunks: dict[str, Any], done: bool = True) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks) + b"data: [DONE]\n\n" * done


PARIS = (chunk("Pa"), chunk("ris."), chunk(finish="stop"), usage(3))


def chat_server(*chunks: dict[str, Any], asked: list[Any] | None = None, models: Sequence[str] = ("m",)) -> Answers:
    """Answers every conversation with these chunks, and keeps what it was asked in `asked`."""

    def answers(path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "/v1/models":
            return 200, {}, json.dumps({"data": [{"id": name} for name in models]}).encode()
        if path.startswith("/v1/models/"):
            name = path.removeprefix("/v1/models/")
            error = {"error": {"message": f"model: model {name!r} is not in the repository"}}
            return (200, {}, b"{}") if name in models else (404, {}, json.dumps(error).encode())
        if asked is not None:
            asked.append(json.loads(body))
        return 200, {"Content-Type": "text/event-stream"}, stream(*chunks)

    return answers

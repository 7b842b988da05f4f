"""What a server of the OpenAI API answers in a chat, piece by piece, and how fast it came."""

import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from headrace.cli.connection import Server
from headrace.cli.failure import Failure

Message = Mapping[str, str]
"""`role` and `content`."""


class Asking(msgspec.Struct, frozen=True):
    """How every answer of a chat is asked for; None leaves the choice to the server."""

    model: str
    temperature: float | None = None
    max_tokens: int | None = None

    def body(self, messages: Sequence[Message]) -> bytes:
        chosen = {"temperature": self.temperature, "max_completion_tokens": self.max_tokens}
        return msgspec.json.encode(
            {
                "model": self.model,
                "messages": messages,
                "stream": True,
                "stream_options": {"include_usage": True},
                **{name: value for name, value in chosen.items() if value is not None},
            }
        )


class Piece(msgspec.Struct, frozen=True):
    """A piece of an answer, or of the thoughts before it."""

    text: str
    thought: bool = False


class Answer:
    """An answer as it comes: iterate once for its text, or for all its `pieces`.

    Its facts are true up to the piece given last. Raises Failure while it is iterated over. Owned by who asked, who
    closes it: that stops the server too.
    """

    def __init__(self, events: Generator[dict[str, Any], None, None], now_s: Callable[[], float]) -> None:
        self.text = ""
        self.thoughts = ""
        self.finish: str | None = None  # why it ended; None where it was stopped
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.first_s: float | None = None  # from the question to the first piece, of thoughts or of text
        self.last_s: float | None = None  # to the last
        self._events = events
        self._now_s = now_s
        self._asked_s = now_s()

    def __iter__(self) -> Iterator[str]:
        return (piece.text for piece in self.pieces() if not piece.thought)

    def pieces(self) -> Iterator[Piece]:
        """Thoughts too."""
        for each in self._events:
            try:
                pieces = self._read(each)
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                raise Failure(f"the server's answer is not one of the OpenAI API: {error!r}") from error
            yield from pieces

    @property
    def tokens_per_s(self) -> float | None:
        """After the first token; None where too few were counted to say."""
        if not self.completion_tokens or self.first_s is None or self.last_s is None or self.last_s <= self.first_s:
            return None
        return (self.completion_tokens - 1) / (self.last_s - self.first_s)

    def close(self) -> None:
        self._events.close()

    def _read(self, chunk: Mapping[str, Any]) -> list[Piece]:
        if "error" in chunk:
            raise Failure(f"the answer broke off: {chunk['error']['message']}")
        if usage := chunk.get("usage"):
            self.prompt_tokens, self.completion_tokens = usage["prompt_tokens"], usage["completion_tokens"]
        if not chunk["choices"]:
            return []
        choice = chunk["choices"][0]
        self.finish = choice.get("finish_reason") or self.finish
        delta = choice["delta"]
        thought = str(delta.get("reasoning_content") or delta.get("reasoning") or "")
        text = str(delta.get("content") or "")
        if thought or text:
            self.last_s = self._now_s() - self._asked_s
            self.first_s = self.last_s if self.first_s is None else self.first_s
            self.thoughts += thought
            self.text += text
        pieces = (Piece(thought, thought=True), Piece(text))
        return [piece for piece in pieces if piece.text]


def ask(
    server: Server, asking: Asking, messages: Sequence[Message], now_s: Callable[[], float] = time.monotonic
) -> Answer:
    """The answer to a conversation; nothing is sent before it is iterated over."""
    return Answer(_chunks(server, asking.body(messages)), now_s)


def check_model(server: Server, model: str) -> None:
    """Raises Failure with the models that there are, where the server cannot chat with this one."""
    with server.exchange("GET", f"/v1/models/{quote(model, safe='')}") as response:
        status, content = response.status, response.read()
    if status == 200:
        return
    if status in (400, 404):
        raise Failure(f"{reason_of(content)}; {_choices(server)}")
    raise Failure(f"the server answered {status}: {reason_of(content)}")


def reason_of(content: bytes) -> str:
    """The words of an error's body."""
    try:
        return str(json.loads(content)["error"]["message"]).removeprefix("model: ")
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace").strip() or "no reason given"


def _choices(server: Server) -> str:
    with server.exchange("GET", "/v1/models") as response:
        content = response.read()
    try:
        names = [str(each["id"]) for each in json.loads(content)["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"what answers at {server.url} does not speak the OpenAI API") from error
    return (
        f"the server's language models are: {', '.join(names)}" if names else "the server has no language model ready"
    )


def _chunks(server: Server, body: bytes) -> Generator[dict[str, Any], None, None]:
    """The objects of the stream, to its end. Raises Failure, also where it ends before its end."""
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    with server.exchange("POST", "/v1/chat/completions", body, headers) as response:
        if response.status != 200:
            raise Failure(f"the server answered {response.status}: {reason_of(response.read())}")
        yield from parse_events(response)


def parse_events(lines: Iterable[bytes]) -> Generator[dict[str, Any], None, None]:
    """The objects of server-sent events up to `[DONE]`. Raises Failure where that is missing or one is no object."""
    for line in lines:
        name, _, data = line.strip().partition(b":")
        if name != b"data":
            continue
        data = data.strip()
        if data == b"[DONE]":
            return
        try:
            value = json.loads(data)
        except ValueError as error:
            raise Failure(f"the server's answer is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise Failure("the server's answer is not one of the OpenAI API")
        yield value
    raise Failure("the answer broke off: the server closed the connection")

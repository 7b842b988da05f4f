"""Golden exchanges as text files: a title, the method, its messages as protobuf text, `---`, and what is answered.

# what it shows
ModelReady
name: "add_sub"
---
OK
ready: true

A stream has several messages, each after a line `+`. A refusal is a status and its words, and no message. The messages
are those of Triton's client, so that ours are not held against themselves.
"""

from pathlib import Path
from typing import NamedTuple

from google.protobuf import text_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tritonclient.grpc import service_pb2

FOLDER = Path(__file__).parent / "exchanges"
METHODS = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name


class Exchange(NamedTuple):
    """A call, and the answers that it must get, or the refusal: a status, a colon, and words."""

    title: str
    method: str
    requests: list[Message]
    status: str
    answers: list[Message]


def read(file: Path) -> Exchange:
    """Parse one file."""
    title, _, rest = file.read_text().partition("\n")
    sent, _, answered = rest.partition("\n---\n")
    method, _, requests = sent.partition("\n")
    status, _, answers = answered.partition("\n")
    kind = METHODS[method]
    asked = _messages(requests, GetMessageClass(kind.input_type))
    told = _messages(answers, GetMessageClass(kind.output_type)) if status == "OK" else []
    return Exchange(title.removeprefix("# "), method, asked, status, told)


def write(file: Path, exchange: Exchange) -> None:
    """The file that `read` reads."""
    asked, told = (_text(messages) for messages in (exchange.requests, exchange.answers))
    file.write_text(f"# {exchange.title}\n{exchange.method}\n{asked}---\n{exchange.status}\n{told}")


def _messages(text: str, kind: type[Message]) -> list[Message]:
    return [text_format.Parse(part, kind()) for part in f"\n{text}".split("\n+\n")]


def _text(messages: list[Message]) -> str:
    return "+\n".join(text_format.MessageToString(message) for message in messages)

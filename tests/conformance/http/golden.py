"""Golden exchanges as text files: a title, the request, `---`, and what is answered, down to the byte.

# what it shows
POST /v2/models/add_sub/infer
Inference-Header-Content-Length: 80

body, with \\x00 for bytes that are not text
---
200
content-type: application/json

body
"""

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "exchanges"


class Exchange(NamedTuple):
    """A request, and the answer that it must get; of the answer's headers only those listed are compared."""

    title: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer_body: bytes


def read(file: Path) -> Exchange:
    """Parse one file."""
    title, _, rest = file.read_text().partition("\n")
    request, _, answer = rest.partition("\n---\n")
    first, headers, body = _parts(request)
    status, answer_headers, answer_body = _parts(answer)
    method, path = first.split(" ")
    return Exchange(title.removeprefix("# "), method, path, headers, body, int(status), answer_headers, answer_body)


def write(file: Path, exchange: Exchange) -> None:
    """The file that `read` reads."""
    request = _text(f"{exchange.method} {exchange.path}", exchange.headers, exchange.body)
    answer = _text(str(exchange.status), exchange.answer_headers, exchange.answer_body)
    file.write_text(f"# {exchange.title}\n{request}\n---\n{answer}\n")


def _parts(text: str) -> tuple[str, dict[str, str], bytes]:
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return first, headers, body.removesuffix("\n").encode("ascii").decode("unicode_escape").encode("latin-1")


def _text(first: str, headers: dict[str, str], body: bytes) -> str:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join(lines) + "\n\n" + body.decode("latin-1").encode("unicode_escape").decode("ascii")

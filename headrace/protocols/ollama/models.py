"""GET /api/tags and /api/ps, POST /api/show: the language models that are ready."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest
from headrace.generation import GenerationDefaults, LanguageFacts
from headrace.models.registry import Served
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model, language_models
from headrace.protocols.oip.front import Front
from headrace.protocols.ollama.answers import written
from headrace.protocols.ollama.fields import model_name
from headrace.protocols.ollama.options import Options
from headrace.protocols.strict_body import Body, Reader, refuse_unless_absent

_NEVER = "9999-12-31T23:59:59Z"


class Files(msgspec.Struct, frozen=True):
    """What a model takes on disk."""

    size_bytes: int
    modified_s: float  # Unix time


Measure = Callable[[Path], Files]


def measure(path: Path) -> Files:
    """A file, or all files of a folder; nothing where it is gone."""
    try:
        found = [each.stat() for each in (path.iterdir() if path.is_dir() else [path]) if each.is_file()]
    except OSError:
        found = []
    return Files(sum(each.st_size for each in found), max((each.st_mtime for each in found), default=0.0))


class ShowBody(Body, frozen=True, kw_only=True):
    model: str | None = None
    name: str | None = None  # what older clients say
    verbose: bool | None = None  # nothing is left out where it is false
    options: Options | None = None
    system: str | None = None
    template: str | None = None


read_show = Reader(ShowBody)


async def tags(front: Front, request: Request, measured: Measure) -> Response:
    """All of them, by name."""
    found = []
    for served, facts in _served(front):
        files = measured(served.manifest.path)
        found.append(_entry(served, facts, files) | {"modified_at": written(files.modified_s)})
    return json_response({"models": found})


async def running(front: Front, request: Request, measured: Measure) -> Response:
    """All of them: a model that is ready is in memory, and stays."""
    found = []
    for served, facts in _served(front):
        entry = _entry(served, facts, measured(served.manifest.path))
        found.append(entry | {"expires_at": _NEVER, "size_vram": 0, "context_length": facts.max_context})
    return json_response({"models": found})


async def show(front: Front, request: Request, measured: Measure) -> Response:
    """What is known of one. Raises ModelNotFound."""
    body = await read_show.read(request, front.max_body_bytes)
    refuse_unless_absent(
        {
            "options": (body.options, "is not shown; say it in each request"),
            "system": (body.system or None, "is not shown; say it in each request"),
            "template": (body.template or None, "is not taken; the model's own is used"),
        }
    )
    name = body.model or body.name
    if not name:
        raise InvalidRequest("is missing", "model")
    ref, facts = await find_model(front, request, model_name(front.registry, name))
    files = measured(front.registry.get(ref).manifest.path)
    return json_response(
        {
            "modelfile": "",
            "parameters": _parameters(facts.defaults),
            "template": "",
            "details": _details(facts),
            "model_info": _model_info(facts),
            "capabilities": _capabilities(facts),
            "modified_at": written(files.modified_s),
        }
    )


def _served(front: Front) -> list[tuple[Served, LanguageFacts]]:
    found = ((served, served.signature.language) for served in language_models(front))
    return [(served, facts) for served, facts in found if facts is not None]


def _entry(served: Served, facts: LanguageFacts, files: Files) -> dict[str, Any]:
    """The digest tells versions apart; it is not one of the files."""
    name = served.version.name
    digest = hashlib.sha256(f"{served.version} {files.size_bytes} {files.modified_s}".encode()).hexdigest()
    return {"name": name, "model": name, "size": files.size_bytes, "digest": digest, "details": _details(facts)}


def _details(facts: LanguageFacts) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": facts.source,
        "family": facts.family,
        "families": [facts.family],
        "parameter_size": _counted(facts.parameters),
        "quantization_level": facts.kind or "unknown",
    }


def _counted(number: int) -> str:
    """134515008 is 134.5M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return str(number)


def _model_info(facts: LanguageFacts) -> dict[str, Any]:
    """Under the names that GGUF files have for them, and how its weights are held."""
    found: dict[str, Any] = {
        "general.architecture": facts.family,
        "general.parameter_count": facts.parameters,
        f"{facts.family}.context_length": facts.max_context,
        f"{facts.family}.vocab_size": facts.vocabulary,
        "headrace.precision": facts.precision,
    }
    if facts.embedding:
        found[f"{facts.family}.embedding_length"] = facts.embedding
    return found


def _parameters(defaults: GenerationDefaults) -> str:
    """A line for each option that the model has a default for, as Ollama writes them."""
    return "\n".join(f"{_OPTIONS.get(name, name):<30} {value}" for name, value in defaults.said().items())


_OPTIONS = {"repetition_penalty": "repeat_penalty", "max_tokens": "num_predict"}


def _capabilities(facts: LanguageFacts) -> list[str]:
    found = []
    if "generate" in facts.tasks:
        found += ["completion", "tools"] if facts.chat_template else ["completion"]
    if facts.reasoning:
        found.append("thinking")
    if "embed" in facts.tasks:
        found.append("embedding")
    return found

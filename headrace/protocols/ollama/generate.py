"""POST /api/generate."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest
from headrace.generation import LanguageFacts, Prompt
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.ollama.answers import in_response, loaded
from headrace.protocols.ollama.asking import answer, begin
from headrace.protocols.ollama.fields import SharedFields, ask, check_keep_alive, model_name, thinking_of
from headrace.protocols.ollama.messages import refuse_images
from headrace.protocols.strict_body import Reader, refuse_unless_absent


class GenerateBody(SharedFields, frozen=True, kw_only=True):
    prompt: str | None = None
    system: str | None = None
    raw: bool | None = None
    images: list[Any] | None = None
    # refused where they ask for something
    suffix: str | None = None
    template: str | None = None
    context: list[int] | None = None
    width: Any = None
    height: Any = None
    steps: Any = None


read_generate = Reader(GenerateBody)


async def generate(front: Front, request: Request, now_s: float) -> Response:
    """Answer whole, or a line a piece; without a prompt say that the model is loaded."""
    body = await read_generate.read(request, front.max_body_bytes)
    head = begin(front, body.model, now_s)
    ref, facts = await find_model(front, request, model_name(front.registry, body.model), "generate")
    if not body.prompt and not body.images:
        check_keep_alive(body.keep_alive)
        return json_response(loaded(head, in_response))
    return await answer(front, request, head, ref, ask(body, generate_prompt(body, facts), facts), in_response)


def generate_prompt(body: GenerateBody, facts: LanguageFacts) -> Prompt:
    """What the model reads: a message of the user's, or with `raw`, or without a template, the text as it is."""
    refuse_images(body.images, "images")
    refuse_unless_absent(
        {
            "suffix": (body.suffix or None, "the model does not fill in the middle"),
            "template": (body.template or None, "is not taken; the model's own is used, or none with raw"),
            "context": (body.context or None, "is no longer taken; send the conversation to /api/chat"),
            "width": (body.width, "the model gives text only"),
            "height": (body.height, "the model gives text only"),
            "steps": (body.steps, "the model gives text only"),
        }
    )
    text, thinking = body.prompt or "", thinking_of(body, facts)
    if body.raw or not facts.chat_template:
        if body.system:
            reason = "cannot be combined with raw" if body.raw else "the model has no chat template that would hold it"
            raise InvalidRequest(reason, "system")
        if thinking.on:
            raise InvalidRequest("cannot be combined with raw", "think")
        return Prompt(text=text, where="prompt")
    system = [{"role": "system", "content": body.system}] if body.system else []
    messages = (*system, {"role": "user", "content": text})
    return Prompt(messages=messages, thinking=thinking, where="prompt")

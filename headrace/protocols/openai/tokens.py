"""POST /tokenize and /detokenize, as vLLM has them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest
from headrace.generation import Detokenize, Detokenized, Prompt, Tokenize, Tokenized
from headrace.protocols.generation import answer_all, make_request
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.messages import Message, template_messages
from headrace.protocols.openai.pieces import new_id
from headrace.protocols.openai.tools import Tool, read_tools
from headrace.protocols.ranges import check_token_ids
from headrace.protocols.strict_body import Body, Listed, Reader, check_nesting


class TokenizeBody(Body, frozen=True, kw_only=True):
    """A text, or a conversation as the chat template writes it."""

    model: str | None = None
    prompt: str | None = None
    messages: Listed[Message] | None = None
    add_special_tokens: bool | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    tools: list[Tool] | None = None
    return_token_strs: bool | None = None


class DetokenizeBody(Body, frozen=True, kw_only=True):
    model: str | None = None
    tokens: list[int]


read_tokenize = Reader(TokenizeBody)
read_detokenize = Reader(DetokenizeBody)


async def tokenize(front: Front, request: Request) -> Response:
    """The tokens of a text or a conversation, and how many there are."""
    body = await read_tokenize.read(request, front.max_body_bytes)
    ref, _ = await find_model(front, request, body.model)
    asked = make_request(front, request, new_id("tokn"), ref, Tokenize(_prompt(body)))
    (tokenized,) = await answer_all(front, [asked], request.receive, Tokenized)
    return json_response(
        {
            "count": len(tokenized.token_ids),
            "max_model_len": tokenized.max_context,
            "tokens": tokenized.token_ids,
            "token_strs": tokenized.tokens if body.return_token_strs else None,
        }
    )


async def detokenize(front: Front, request: Request) -> Response:
    """The text of tokens."""
    body = await read_detokenize.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, request, body.model)
    ask = Detokenize(check_token_ids(body.tokens, facts.vocabulary, "tokens"))
    asked = make_request(front, request, new_id("tokn"), ref, ask)
    (detokenized,) = await answer_all(front, [asked], request.receive, Detokenized)
    return json_response({"prompt": detokenized.text})


def _prompt(body: TokenizeBody) -> Prompt:
    if (body.prompt is None) == (body.messages is None):
        raise InvalidRequest("exactly one of prompt and messages is given", "prompt")
    if body.messages is None:
        return Prompt(text=body.prompt, add_special_tokens=body.add_special_tokens)
    check_nesting(body.chat_template_kwargs, "chat_template_kwargs")
    return Prompt(
        messages=template_messages(body.messages),
        tools=read_tools(body.tools, None, None).tools,
        chat_template=body.chat_template,
        template_arguments=body.chat_template_kwargs or {},
        add_generation_prompt=not body.continue_final_message
        if body.add_generation_prompt is None
        else body.add_generation_prompt,
        continue_final_message=bool(body.continue_final_message),
        add_special_tokens=body.add_special_tokens,
        where="messages",
    )

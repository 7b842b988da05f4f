"""POST /api/chat."""

from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import InvalidRequest
from headrace.generation import LanguageFacts, Prompt
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.ollama.answers import in_message, loaded
from headrace.protocols.ollama.asking import answer, begin
from headrace.protocols.ollama.fields import SharedFields, ask, check_keep_alive, model_name, thinking_of
from headrace.protocols.ollama.messages import Message, template_messages
from headrace.protocols.openai.tools import Tool, read_tools
from headrace.protocols.strict_body import Listed, Reader


class ChatBody(SharedFields, frozen=True, kw_only=True):
    messages: Listed[Message] | None = None
    tools: list[Tool] | None = None


read_chat = Reader(ChatBody)


async def chat(front: Front, request: Request, now_s: float) -> Response:
    """Answer whole, or a line a piece; without messages say that the model is loaded."""
    body = await read_chat.read(request, front.max_body_bytes)
    head = begin(front, body.model, now_s)
    ref, facts = await find_model(front, request, model_name(front.registry, body.model), "generate")
    if not body.messages:
        check_keep_alive(body.keep_alive)
        return json_response(loaded(head, in_message))
    return await answer(front, request, head, ref, ask(body, chat_prompt(body, facts), facts), in_message)


def chat_prompt(body: ChatBody, facts: LanguageFacts) -> Prompt:
    """What the model reads; a last message of the assistant's is continued. Raises InvalidRequest."""
    if not facts.chat_template:
        raise InvalidRequest(f"{facts.lacks_template}; ask /api/generate with plain text", "model")
    messages = template_messages(body.messages or ())
    tools = read_tools(body.tools, None, None)
    continued = messages[-1]["role"] == "assistant" and "tool_calls" not in messages[-1]
    return Prompt(
        messages=messages,
        tools=tools.tools,
        tool_choice=tools.choice,
        thinking=thinking_of(body, facts),
        add_generation_prompt=not continued,
        continue_final_message=continued,
        where="messages",
    )

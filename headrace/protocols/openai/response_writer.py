"""A response as it comes into being: its items, and the events that tell of them. The whole is where they end."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from headrace.errors import HeadraceError
from headrace.generation import Delta, Generated, TokenLogprob, ToolCall, Usage
from headrace.protocols.http_error import encodable
from headrace.protocols.openai.chat import logprobs_json
from headrace.protocols.openai.response_items import new_item_id
from headrace.protocols.openai.response_thoughts import CONTENT, SUMMARY
from headrace.protocols.sse import named_event, one_line

_CODES = {
    "queue_full": "rate_limit_exceeded",
    "invalid_request": "invalid_prompt",
    "input_refused": "invalid_prompt",
    "context_length_exceeded": "context_length_exceeded",
}


def usage_json(usage: Usage) -> dict[str, Any]:
    """What a response took."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


class ResponseWriter:
    """Turns deltas into items and events. `head` is what is known of the response before; `ended` takes the whole."""

    def __init__(
        self,
        head: Mapping[str, Any],
        ended: Callable[[Mapping[str, Any]], None],
        now_s: Callable[[], float],
        summarised: bool = False,
        names: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    ) -> None:
        """`now_s` is Unix time; `summarised` tells thoughts, which are told whole, as their own summary; `names` has
        the namespace and name of each function that is in one, by what the model calls it."""
        self._head = head
        self._ended = ended
        self._now_s = now_s
        self._names = names
        self._completed_at: int | None = None
        self._thoughts = SUMMARY if summarised else CONTENT
        self._number = 0  # of the next event
        self._output: list[dict[str, Any]] = []
        self._open = False  # whether the last item is still being written
        self._texts: list[str] = []  # of the item that is written: pieces of its text or its arguments
        self._logprobs: list[TokenLogprob] = []
        self._early: list[TokenLogprob] = []  # of tokens that gave no text yet: it may turn out to be a call
        self._around: tuple[bytes, bytes] = b"", b""  # a piece of text
        self._usage: Usage | None = None
        self._finish: str | None = None
        self.last: Mapping[str, Any] = head  # once it has ended, the whole

    def news(self, which: int, generated: Generated) -> bytes:
        events = []
        if self._usage is None:
            events += [self._of_response("created", "in_progress"), self._of_response("in_progress", "in_progress")]
        self._usage = generated.usage
        for delta in generated.deltas:
            events += self._of_delta(delta)
        return b"".join(events)

    def end(self) -> bytes:
        status = "incomplete" if self._finish == "length" else "completed"
        self._completed_at = int(self._now_s()) if status == "completed" else None
        events = self._close(status)
        events.append(self._of_response(status, status))
        self._end(self.response(status))
        return b"".join(events)

    def failed(self, error: HeadraceError) -> bytes:
        events = self._close("incomplete")
        told = {"code": _CODES.get(error.code, "server_error"), "message": encodable(str(error))}
        response = self.response("failed") | {"error": told}
        events.append(self._event("response.failed", {"response": response}))
        self._end(response)
        return b"".join(events)

    def cancelled(self) -> bytes:
        """The last events of a response that was cancelled."""
        events = self._close("incomplete")
        events.append(self._of_response("incomplete", "cancelled"))
        self._end(self.response("cancelled"))
        return b"".join(events)

    def response(self, status: str = "in_progress") -> dict[str, Any]:
        """The response, as far as it has come."""
        output = [*self._output[:-1], self._written()] if self._open else list(self._output)
        response = dict(self._head) | {"status": status, "completed_at": self._completed_at, "output": output}
        if status == "incomplete":
            response["incomplete_details"] = {"reason": "max_output_tokens"}
        if status != "in_progress" and self._usage is not None:
            response["usage"] = usage_json(self._usage)
        return response

    def forget(self) -> None:
        """It was deleted: `ended` is told of nothing."""
        self._ended = _nobody

    def _end(self, response: Mapping[str, Any]) -> None:
        self.last = response
        self._ended(response)

    # ---- events

    def _of_response(self, event: str, status: str) -> bytes:
        return self._event(f"response.{event}", {"response": self.response(status)})

    def _event(self, kind: str, fields: Mapping[str, Any]) -> bytes:
        number, self._number = self._number, self._number + 1
        return named_event(kind, {"type": kind, "sequence_number": number, **fields})

    def _of_delta(self, delta: Delta) -> list[bytes]:
        events = []
        if delta.reasoning:
            if not self._open or self._output[-1]["type"] != "reasoning":
                events += self._begin_thoughts()
            self._texts.append(delta.reasoning)
            fields = self._place() | self._thoughts.at | {"delta": delta.reasoning}
            events.append(self._event(self._thoughts.delta, fields))
        if delta.text or not delta.reasoning:
            self._early += delta.logprobs
        if delta.text and not self._in_message:
            events += self._begin_message()
        if delta.text or (delta.finish and self._early and self._in_message and not delta.tool_calls):
            early, self._early = self._early, []
            events.append(self._text(delta.text, early))
        for call in delta.tool_calls:
            self._early.clear()
            if call.id or call.name:
                events += self._begin_call(call)
            if call.arguments:
                self._texts.append(call.arguments)
                fields = self._place() | {"delta": call.arguments}
                events.append(self._event("response.function_call_arguments.delta", fields))
        self._finish = delta.finish or self._finish
        return events

    def _text(self, text: str, logprobs: Sequence[TokenLogprob]) -> bytes:
        """A piece; what is around it was encoded when the item began."""
        self._texts.append(text)
        if logprobs:
            self._logprobs += logprobs
            fields = {"content_index": 0, "delta": text, "logprobs": logprobs_json(logprobs, as_ids=False)}
            return self._event("response.output_text.delta", self._place() | fields)
        number, self._number = self._number, self._number + 1
        before, after = self._around
        return b"%b%d%b%b}\n\n" % (before, number, after, one_line(text))

    @property
    def _in_message(self) -> bool:
        return self._open and self._output[-1]["type"] == "message"

    def _place(self) -> dict[str, Any]:
        return {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}

    # ---- items

    def _begin_message(self) -> list[bytes]:
        item = {"id": new_item_id("message"), "type": "message", "role": "assistant", "content": []}
        events = self._begin(item)
        kind, place = b"response.output_text.delta", one_line(self._place())[1:-1]
        self._around = (
            b'event: %b\ndata: {"type":"%b","sequence_number":' % (kind, kind),
            b',%b,"content_index":0,"logprobs":[],"delta":' % place,
        )
        fields = self._place() | {"content_index": 0, "part": _part("", ())}
        return [*events, self._event("response.content_part.added", fields)]

    def _begin_thoughts(self) -> list[bytes]:
        item = {"id": new_item_id("reasoning"), "type": "reasoning", "summary": [], "content": []}
        events = self._begin(item)
        told = self._thoughts
        part = self._place() | told.at | {"part": told.part("")}
        return [*events, self._event(told.part_added, part)]

    def _begin_call(self, call: ToolCall) -> list[bytes]:
        kind = "function_call"
        namespace, name = self._names.get(call.name, ("", call.name))
        named = {"namespace": namespace, "name": name} if namespace else {"name": name}
        return self._begin({"id": new_item_id(kind), "type": kind, "call_id": call.id, **named, "arguments": ""})

    def _begin(self, item: dict[str, Any]) -> list[bytes]:
        events = self._close("completed")
        item["status"] = "in_progress"
        self._output.append(item)
        self._open = True
        fields = {"output_index": len(self._output) - 1, "item": item}
        return [*events, self._event("response.output_item.added", fields)]

    def _close(self, status: str) -> list[bytes]:
        """The item that is written, if any, has come to its end."""
        if not self._open:
            return []
        text, place = "".join(self._texts), self._place()
        item = self._written() | {"status": status}
        self._open, self._texts, self._logprobs = False, [], []
        if item["type"] == "message":
            (part,) = item["content"]
            done = {"content_index": 0, "text": text, "logprobs": part["logprobs"]}
            events = [
                self._event("response.output_text.done", place | done),
                self._event("response.content_part.done", place | {"content_index": 0, "part": part}),
            ]
        elif item["type"] == "reasoning":
            told = self._thoughts
            events = [
                self._event(told.done, place | told.at | {"text": text}),
                self._event(told.part_done, place | told.at | {"part": told.part(text)}),
            ]
        else:
            events = [self._event("response.function_call_arguments.done", place | {"arguments": text})]
        self._output[-1] = item
        fields = {"output_index": len(self._output) - 1, "item": item}
        return [*events, self._event("response.output_item.done", fields)]

    def _written(self) -> dict[str, Any]:
        """The item that is written, with what there is of it."""
        item, text = self._output[-1], "".join(self._texts)
        if item["type"] == "message":
            return item | {"content": [_part(text, self._logprobs)]}
        if item["type"] == "reasoning":
            return item | {self._thoughts.field: [self._thoughts.part(text)]}
        return item | {"arguments": text}


def _part(text: str, logprobs: Sequence[TokenLogprob]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs_json(logprobs, as_ids=False)}


def _nobody(response: Mapping[str, Any]) -> None:
    """Is told of the end of a response that was deleted."""

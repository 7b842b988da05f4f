"""A text is gathered as its pieces come, and whoever asked for it gets each first."""

from headrace.capture.text import Choice, Gathering, Text
from headrace.errors import HeadraceError, Internal
from headrace.generation import Delta, Generate, Generated, Prompt, Sampling, Times, ToolCall, Usage
from headrace.types import ModelRef, ModelVersion, Request, Response

VERSION = ModelVersion("m", 1)
ASK = Generate(Prompt(text="Once"), Sampling(temperature=0.0), stream=True, salt="secret")


class Kept:
    """What came to the caller, and what was kept."""

    def __init__(self) -> None:
        self.replied: list[Response | HeadraceError] = []
        self.texts: list[Text] = []
        request = Request("r", ModelRef("m"), (), ask=ASK)
        self.gather = Gathering(request, ASK, self.replied.append, self._keep)

    def _keep(self, request: Request, version: ModelVersion, text: Text) -> None:
        assert (request.id, version, len(self.replied)) == ("r", VERSION, 2)
        self.texts.append(text)


def news(*deltas: Delta, final: bool = False, first_ns: int = 0) -> Response:
    times = Times(first_token_ns=first_ns)
    return Response(VERSION, (), None, final=final, result=Generated(deltas, Usage(3, 4), times=times))


def test_pieces_are_one_text_for_each_choice() -> None:
    kept = Kept()
    kept.gather(news(Delta(1, "B", (7,)), Delta(0, "a ", (1,)), first_ns=2_000_000))
    kept.gather(news(Delta(0, "text", (2, 3), finish="stop"), Delta(1, "!", (8,), finish="length"), final=True))
    (text,) = kept.texts
    assert text.choices == (Choice("a text", (1, 2, 3), finish="stop"), Choice("B!", (7, 8), finish="length"))
    assert (text.prompt_tokens, text.completion_tokens, text.first_token_ms) == (3, 4, 2.0)


def test_what_was_asked_is_kept_without_whose_cache_it_was() -> None:
    kept = Kept()
    kept.gather(news())
    kept.gather(news(final=True))
    assert kept.texts[0].ask["prompt"] == {"text": "Once"}
    assert kept.texts[0].ask["sampling"] == {"temperature": 0.0}
    assert "secret" not in str(kept.texts)


def test_calls_and_thoughts_are_joined_too() -> None:
    kept = Kept()
    kept.gather(news(Delta(reasoning="Let me", tool_calls=(ToolCall(0, '{"a"', "id", "add"),))))
    last = Delta(reasoning=" see", tool_calls=(ToolCall(0, ":1}"), ToolCall(1, "{}", "x", "sub")), finish="tool_calls")
    kept.gather(news(last, final=True))
    (choice,) = kept.texts[0].choices
    assert (choice.reasoning, choice.tool_calls) == ("Let me see", (("add", '{"a":1}'), ("sub", "{}")))


def test_an_answer_that_failed_is_not_kept() -> None:
    kept = Kept()
    kept.gather(news(Delta(0, "a")))
    kept.gather(Internal("it broke"))
    assert kept.texts == []
    assert len(kept.replied) == 2

"""Answers that begin with thoughts: ended in time, held to their form, and the same with and without drafts."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.generation import Generate, Grammar, Prompt, Sampling, Thinking
from tests.llm.engines import Bench
from tests.llm.thinking import OPENING, thinking_preparing


def thinker(max_tokens: int | None = None, **more: Any) -> tuple[Bench, Generate]:
    """An engine whose answers begin among thoughts, and a question to it."""
    bench = Bench(reads=thinking_preparing(OPENING))
    asked = Prompt(messages=({"role": "user", "content": "Where?"},), thinking=Thinking(max_tokens=max_tokens))
    sampling = {"temperature": 0.0, "max_tokens": 12, "ignore_eos": True} | more.pop("sampling", {})
    return bench, Generate(asked, Sampling(**sampling), stream=True, **more)


def test_thoughts_that_have_had_their_tokens_end_and_the_answer_begins() -> None:
    bench, ask = thinker(max_tokens=3, sampling={"logprobs": 0})
    bench.add(1, ask)
    bench.run()
    ids, end_id = bench.ids(1), bench.tokenizer.token_id("</think>")
    first, rest = ids[:3], ids[4:]
    assert ids[3] == end_id
    prompt_ids = list(bench.generated(1)[0].prompt_token_ids)
    assert first == bench.alone(prompt_ids, 3)
    assert rest == bench.alone([*prompt_ids, *ids[:4]], 8)
    assert "".join(delta.reasoning for delta in bench.deltas(1)) == bench.tokenizer.decode(first).strip(" \t\r\n")
    assert bench.text(1) == bench.tokenizer.decode(rest).lstrip(" \t\r\n")
    assert [token.token_id for delta in bench.deltas(1) for token in delta.logprobs] == rest
    assert bench.generated(1)[-1].usage.reasoning_tokens == 4


def test_an_answer_is_held_to_its_form_after_thoughts() -> None:
    bench, ask = thinker(max_tokens=3, grammar=Grammar("regex", "(ab){2}", "response_format"))
    bench.add(1, ask)
    bench.run()
    assert bench.text(1) == "abab"
    assert bench.deltas(1)[-1].finish == "stop"
    assert "".join(delta.reasoning for delta in bench.deltas(1))


@settings(max_examples=20, deadline=None)
@given(limit=st.integers(0, 9), period=st.sampled_from((0, 3)), form=st.booleans())
def test_drafts_change_nothing_about_where_thoughts_end(limit: int, period: int, form: bool) -> None:
    texts = []
    for drafts in (True, False):
        bench = Bench(period=period, reads=thinking_preparing(OPENING), drafts=drafts)
        grammar = Grammar("regex", "[ab]{4}", "response_format") if form else None
        asked = Prompt(messages=({"role": "user", "content": "Where?"},), thinking=Thinking(max_tokens=limit))
        bench.add(1, Generate(asked, Sampling(0.0, max_tokens=40, ignore_eos=True), grammar=grammar, stream=True))
        bench.run()
        texts.append(bench.ids(1))
    assert texts[0] == texts[1]
    assert texts[0][limit] == bench.tokenizer.token_id("</think>")

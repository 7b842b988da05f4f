"""The text of the engine without weights: the same for the same prompt, and ended as asked."""

from headrace.generation import Prompt, Sampling
from headrace.llm.fake_text import Writing, decoded, encoded, text_of

ENDLESS = Sampling(temperature=0, ignore_eos=True)


def written(sampling: Sampling, max_tokens: int = 40, prompt: bytes = b"Hi") -> Writing:
    writing = Writing(0, prompt, sampling, max_tokens)
    while not writing.finish:
        writing.write()
    return writing


def text(sampling: Sampling, prompt: bytes = b"Hi") -> str:
    delta = written(sampling, prompt=prompt).news()
    assert delta is not None
    return delta.text


def test_messages_are_read_one_a_line() -> None:
    prompt = Prompt(messages=({"role": "user", "content": "Hi"},))
    assert text_of(prompt) == "user: Hi\nassistant: "


def test_a_token_is_a_byte() -> None:
    assert decoded(encoded("häß")) == "häß"
    assert text_of(Prompt(token_ids=(72, 105, 256))) == "Hi"


def test_the_same_prompt_has_the_same_text_and_another_another() -> None:
    assert text(ENDLESS) == text(ENDLESS)
    assert text(ENDLESS) != text(ENDLESS, b"Ho")


def test_the_seed_matters_where_tokens_are_drawn() -> None:
    drawn = [Sampling(temperature=1, seed=seed, ignore_eos=True) for seed in (1, 1, 2)]
    one, again, other = map(text, drawn)
    assert one == again != other


def test_most_tokens_is_the_end() -> None:
    writing = written(ENDLESS, 3)
    assert (writing.num_tokens, writing.left, writing.finish) == (3, 0, "length")


def test_a_stop_string_ends_the_text_and_is_not_part_of_it() -> None:
    whole = text(ENDLESS)
    stop = whole[5:7]
    writing = written(Sampling(temperature=0, ignore_eos=True, stop=(stop,)))
    delta = writing.news()
    assert delta is not None
    assert (delta.text, delta.finish, delta.stopped_by) == (whole[: whole.index(stop)], "stop", stop)


def test_what_may_be_a_stop_string_is_held_back() -> None:
    writing = Writing(0, b"Hi", Sampling(temperature=0, ignore_eos=True, stop=("123",)), 40)
    for _ in range(3):
        writing.write()
    delta = writing.news()
    assert delta is not None
    assert len(delta.text) == 1


def test_log_probabilities_have_as_many_alternatives_as_asked_for() -> None:
    delta = written(Sampling(temperature=0, logprobs=2), 3).news()
    assert delta is not None
    assert [len(each.top) for each in delta.logprobs] == [2, 2, 2]

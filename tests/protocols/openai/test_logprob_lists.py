"""Log-probabilities in four lists, in pieces that come to the same as the whole."""

import msgspec
import pytest

from headrace.generation import TokenLogprob
from headrace.protocols.openai.logprob_lists import (
    AT_A_TIME,
    LogprobLists,
    array_json,
    completion_logprobs,
    lists_json,
)
from headrace.text_offsets import TextOffsets


def tokens(number: int) -> list[TokenLogprob]:
    return [TokenLogprob(i, f"t{i}", b"t%d" % i, -1.0 if i else None) for i in range(number)]


def test_tokens_can_be_written_as_ids() -> None:
    token = TokenLogprob(7, "a", b"a", -1.0, (TokenLogprob(8, "b", b"b", -2.0),))
    found = completion_logprobs([token], True, TextOffsets())
    assert (found["tokens"], found["top_logprobs"]) == (["token_id:7"], [{"token_id:8": -2.0, "token_id:7": -1.0}])


@pytest.mark.parametrize("number", [0, 1, AT_A_TIME, 2 * AT_A_TIME + 1])
def test_pieces_come_to_what_the_lists_are(number: int) -> None:
    given, rests = tokens(number), list[None]()
    offsets = TextOffsets()
    parts = [
        LogprobLists.of(given[:number], False, offsets, lambda: rests.append(None)),
        LogprobLists.of(given[:1], False, offsets, lambda: None),
    ]
    assert msgspec.json.decode(b"".join(lists_json(parts))) == completion_logprobs(
        [*given, *given[:1]], False, TextOffsets()
    )
    assert len(rests) == max(0, -(-number // AT_A_TIME) - 1)


def test_an_array_is_of_what_is_said_of_each_token() -> None:
    for number in (0, 1, AT_A_TIME + 1):
        made = array_json(lambda some: [each.token for each in some], tokens(number), lambda: None)
        assert msgspec.json.decode(made) == [f"t{i}" for i in range(number)]
